#include "launch/doctor_report.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "launch/host_list.h"
#include "support/cpu_topology.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int kFormatVersion = 1;

// Those with the same key are one line.
std::string key_of(const Finding& finding) {
  std::string key = std::string(name_of(finding.level)) + "\n" + finding.topic;
  if (finding.level != FindingLevel::kOk) key += "\n" + finding.what + "\n" + finding.todo;
  return key;
}

std::string counted(int64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string place_of(const GroupedFinding& group) {
  return host_list_text(group.hosts) + (group.ranks.size() == 1 ? " (rank " : " (ranks ") +
         cpu_list_text(group.ranks) + ")";
}

bool forbids(const std::vector<GroupedFinding>& findings) {
  return std::ranges::any_of(findings, [](const GroupedFinding& group) {
    return group.finding.level == FindingLevel::kFail;
  });
}

std::vector<std::string> hosts_that_fail(const std::vector<GroupedFinding>& findings) {
  std::set<std::string> hosts;
  for (const GroupedFinding& group : findings) {
    if (group.finding.level == FindingLevel::kFail)
      hosts.insert(group.hosts.begin(), group.hosts.end());
  }
  return {hosts.begin(), hosts.end()};
}

}  // namespace

void DoctorReport::add(LocatedFinding finding) {
  const std::lock_guard lock(mutex_);
  findings_.push_back(std::move(finding));
}

void DoctorReport::add(const std::vector<Finding>& findings, const std::string& host, int rank) {
  for (const Finding& finding : findings) add({finding, host, rank});
}

void DoctorReport::begin(const std::string& stage) {
  const std::lock_guard lock(mutex_);
  stage_ = stage;
}

std::string DoctorReport::stage() const {
  const std::lock_guard lock(mutex_);
  return stage_;
}

void DoctorReport::set_ranks(const std::vector<std::string>& host_of_rank) {
  const std::set<std::string> hosts(host_of_rank.begin(), host_of_rank.end());
  const std::lock_guard lock(mutex_);
  frame_.world = std::ssize(host_of_rank);
  frame_.hosts.assign(hosts.begin(), hosts.end());
}

ReportFrame DoctorReport::frame(bool quick, double seconds) const {
  const std::lock_guard lock(mutex_);
  ReportFrame frame = frame_;
  frame.quick = quick;
  frame.seconds = seconds;
  return frame;
}

bool DoctorReport::forbids_training() const { return forbids(grouped()); }

bool DoctorReport::has_failure(const std::string& topic) const {
  return std::ranges::any_of(grouped(), [&](const GroupedFinding& group) {
    return group.finding.level == FindingLevel::kFail && group.finding.topic == topic;
  });
}

std::vector<GroupedFinding> DoctorReport::grouped() const {
  std::vector<GroupedFinding> groups;
  std::map<std::string, size_t> place;
  {
    const std::lock_guard lock(mutex_);
    for (const LocatedFinding& found : findings_) {
      const auto [at, is_new] = place.try_emplace(key_of(found.finding), groups.size());
      if (is_new) groups.push_back({found.finding, {}, {}});
      GroupedFinding& group = groups[at->second];
      group.hosts.push_back(found.host);
      group.ranks.push_back(found.rank);
    }
  }
  const auto sort_once = [](auto& list) {
    std::ranges::sort(list);
    const auto rest = std::ranges::unique(list);
    list.erase(rest.begin(), rest.end());
  };
  for (GroupedFinding& group : groups) {
    sort_once(group.hosts);
    sort_once(group.ranks);
  }
  std::ranges::stable_sort(groups, std::greater<>(),
                           [](const GroupedFinding& group) { return group.finding.level; });
  return groups;
}

std::string line_of(const GroupedFinding& group) {
  const Finding& finding = group.finding;
  std::string line = text("%-5s %s on %s: %s", name_of(finding.level), finding.topic.c_str(),
                          place_of(group).c_str(), finding.what.c_str());
  if (!finding.todo.empty()) line += "; " + finding.todo;
  std::ranges::replace(line, '\n', ' ');
  return printable(line) + "\n";
}

std::string report_text(const std::vector<GroupedFinding>& findings, const ReportFrame& frame) {
  std::string lines;
  for (const GroupedFinding& group : findings) lines += line_of(group);
  const std::string verdict = forbids(findings)
                                  ? host_list_text(hosts_that_fail(findings)) + " must not train"
                                  : "nothing forbids training";
  return lines + text("doctor: %s on %s in %.1f s: %s\n", counted(frame.world, "rank").c_str(),
                      counted(static_cast<int64_t>(frame.hosts.size()), "host").c_str(),
                      frame.seconds, verdict.c_str());
}

nlohmann::json report_json(const std::vector<GroupedFinding>& findings, const ReportFrame& frame) {
  nlohmann::json list = nlohmann::json::array();
  for (const GroupedFinding& group : findings) {
    nlohmann::json entry = finding_json(group.finding);
    entry["host"] = host_list_text(group.hosts);
    entry["hosts"] = group.hosts;
    entry["ranks"] = group.ranks;
    list.push_back(std::move(entry));
  }
  return {{"format_version", kFormatVersion},
          {"may_train", !forbids(findings)},
          {"failing_hosts", hosts_that_fail(findings)},
          {"quick", frame.quick},
          {"world", frame.world},
          {"hosts", frame.hosts},
          {"seconds", frame.seconds},
          {"findings", std::move(list)}};
}

}  // namespace catamaran
