#include "launch/doctor_job.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "comm/all_reduce_bench.h"
#include "comm/clock_offset.h"
#include "comm/library_facts.h"
#include "comm/process_group.h"
#include "comm/rank_mail.h"
#include "launch/byte_sizes.h"
#include "launch/doctor_device.h"
#include "launch/doctor_ranks.h"
#include "launch/doctor_storage.h"
#include "support/bounded_call.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/json.h"
#include "support/text.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

using Findings = std::vector<Finding>;

constexpr double kPatience = 20;         // seconds for a rank to answer, and for a collective
constexpr double kDevicesPatience = 45;  // for all devices of a rank
constexpr const char* kGoOn = "go on";
constexpr const char* kNoSums = "go on without sums";
constexpr const char* kStop = "stop";
constexpr const char* kUnknownHost = "an unknown host";
constexpr double kNameSeconds = 5;  // for all ranks to tell their hosts
constexpr const char* kForbidden = "training is forbidden";

// An error without its place and advice, which a finding has apart.
Finding finding_of(const Error& error, const std::string& topic) {
  std::string what = error.what();
  const std::string where = error.where() + ": ";
  const std::string hint = "; " + error.hint();
  if (!error.where().empty() && what.starts_with(where)) what.erase(0, where.size());
  if (!error.hint().empty() && what.ends_with(hint)) what.erase(what.size() - hint.size());
  const std::string advice = error.hint().empty() ? "look at this rank's own output" : error.hint();
  return failure(topic, what, advice);
}

void judge(const DoctorRequest& request, const std::vector<RankFacts>& ranks,
           DoctorReport& report) {
  const CommOptions& comm = request.options.comm;
  for (const auto& list :
       {compare_programs(ranks), judge_hosts(ranks), judge_gpus(ranks, comm.backend),
        judge_cpus(ranks, comm.threads_per_rank)}) {
    for (const LocatedFinding& finding : list) report.add(finding);
  }
}

std::string letter_of(const Findings& findings, double number = 0) {
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& finding : findings) list.push_back(finding_json(finding));
  return json_text({{"findings", list}, {"number", number}}, -1);
}

// The parts, one after the other; each is a round of letters to rank 0, which sends back whether to
// go on.
class Together {
 public:
  Together(const DoctorRequest& request, const LauncherFacts& launcher, const RankFacts& facts,
           MpiSession& session, DoctorReport& report)
      : request_(request),
        launcher_(launcher),
        facts_(facts),
        session_(session),
        report_(report),
        mail_(session.rank(), session.world()),
        hosts_(hosts_of_ranks(session.host_name(), session.world(), kNameSeconds)) {}

  bool run() {
    const std::optional<std::string> answer = meet();
    const bool goes_on = answer == kGoOn || answer == kNoSums;
    if (goes_on && clocks() && storage() && answer == kGoOn && sums()) devices();
    const std::optional<std::string> verdict = mail_.round(
        "",
        [this](const RankTexts& by_rank) {
          name_the_silent(by_rank);
          return report_.forbids_training() ? kForbidden : kGoOn;
        },
        kPatience);
    return verdict != kGoOn;
  }

 private:
  bool is_root() const { return session_.rank() == 0; }

  void add(Finding finding) {
    report_.add({std::move(finding), session_.host_name(), session_.rank()});
  }

  // True where a rank did not answer.
  bool name_the_silent(const RankTexts& by_rank) {
    bool any = false;
    for (size_t r = 0; r < by_rank.size(); ++r) {
      if (by_rank[r]) continue;
      any = true;
      if (std::ranges::find(silent_, r) != silent_.end()) continue;
      silent_.push_back(r);
      mail_.give_up(static_cast<int>(r));
      report_.add({failure("silent-rank", text("no answer within %.0f s", kPatience),
                           "look at this node: its process is stopped or hangs, or the network to "
                           "it is broken; start again without it"),
                   ranks_[r].host, static_cast<int>(r)});
    }
    return any;
  }

  // Findings of every rank into the report; whether all are there and nothing went wrong.
  std::string note_all(const RankTexts& by_rank, std::vector<double>* numbers) {
    const bool all = !name_the_silent(by_rank);
    std::vector<LocatedFinding> found;
    for (size_t r = 0; r < by_rank.size(); ++r) {
      if (!by_rank[r]) continue;
      const nlohmann::json letter = parse_json(*by_rank[r], "a rank's letter", ErrorKind::kData);
      for (const nlohmann::json& one : letter.at("findings"))
        found.push_back({finding_of_json(one), ranks_[r].host, static_cast<int>(r)});
      if (numbers != nullptr) numbers->push_back(letter.at("number").get<double>());
    }
    const bool good = std::ranges::none_of(found, is_failure);
    blame_causes_alone(found, !all);
    for (const LocatedFinding& one : found) report_.add(one);
    return all && good ? kGoOn : kStop;
  }

  static bool is_failure(const LocatedFinding& found) {
    return found.finding.level == FindingLevel::kFail;
  }
  static bool has_waited(const LocatedFinding& found) {
    return is_failure(found) && found.finding.what.starts_with("no answer from ");
  }
  // A rank that only waited for one that failed, or is silent, is no bad node.
  static void blame_causes_alone(std::vector<LocatedFinding>& found, bool someone_is_silent) {
    const bool known = someone_is_silent || std::ranges::any_of(found, [](const auto& one) {
                         return is_failure(one) && !has_waited(one);
                       });
    for (LocatedFinding& one : found) {
      if (known && has_waited(one)) one.finding.level = FindingLevel::kNote;
    }
  }

  // One part: `work` on every rank, then what it found on rank 0.
  bool part(const std::string& name, const std::string& topic,
            const std::function<Findings(double& number)>& work,
            std::vector<double>* numbers = nullptr, double patience = 2 * kPatience) {
    report_.begin(name);
    double number = 0;
    Findings findings;
    try {
      findings = work(number);
    } catch (const std::exception& problem) {
      findings.push_back(finding_of(as_error(problem), topic));
    }
    const auto answer = mail_.round(
        letter_of(findings, number),
        [&](const RankTexts& by_rank) { return note_all(by_rank, numbers); }, patience);
    return answer == kGoOn;
  }

  std::optional<std::string> meet() {
    report_.begin("asking all ranks for what they are");
    const std::optional<std::string> answer = mail_.round(
        json_text(facts_json(facts_), -1),
        [this](const RankTexts& by_rank) {
          const std::string verdict = met(by_rank);
          return json_text({{"verdict", verdict}, {"spare_gpus", spare_gpus(ranks_)}}, -1);
        },
        kPatience);
    if (!answer) return std::nullopt;
    const nlohmann::json told = parse_json(*answer, "rank 0's answer", ErrorKind::kData);
    spare_gpus_ =
        told.at("spare_gpus").at(static_cast<size_t>(session_.rank())).get<std::vector<int>>();
    return told.at("verdict").get<std::string>();
  }

  std::string met(const RankTexts& by_rank) {
    if (const auto problem = world_problem(launcher_, session_.world())) add(*problem);
    ranks_.resize(by_rank.size());
    std::vector<RankFacts> heard;
    for (size_t r = 0; r < by_rank.size(); ++r) {
      ranks_[r].host = r < hosts_.size() ? hosts_[r] : kUnknownHost;
      if (by_rank[r] && read_facts(*by_rank[r], r)) heard.push_back(ranks_[r]);
    }
    std::vector<std::string> hosts;
    for (const RankFacts& rank : ranks_) hosts.push_back(rank.host);
    report_.set_ranks(hosts);
    judge(request_, heard, report_);
    describe_mpi();
    if (name_the_silent(by_rank) || report_.has_failure("versions") ||
        report_.has_failure("launcher"))
      return kStop;
    return report_.has_failure("gpus") || report_.has_failure("gpu-driver") ? kNoSums : kGoOn;
  }

  bool read_facts(const std::string& letter, size_t rank) {
    try {
      ranks_[rank] = facts_of_json(letter);
      ranks_[rank].rank = static_cast<int>(rank);
      return true;
    } catch (const Error& problem) {
      report_.add(
          {failure("versions", std::string("it tells of itself in another way: ") + problem.what(),
                   "give every node the same program"),
           kUnknownHost, static_cast<int>(rank)});
      return false;
    }
  }

  void describe_mpi() {
    std::string mpi = mpi_library() + ", MPI_THREAD_MULTIPLE, " +
                      text("%d rank(s), started by ", session_.world()) +
                      (launcher_.name.empty() ? "nobody" : launcher_.name);
    if (const std::string pmix = pmix_library(); !pmix.empty()) mpi += ", PMIx " + pmix;
    if (!launcher_.pmix_version.empty()) mpi += " (the launcher's: " + launcher_.pmix_version + ")";
    add(fine("mpi", mpi));
  }

  bool clocks() {
    if (session_.world() == 1) return true;
    std::vector<double> ahead;
    const bool all = part(
        "comparing clocks", "clock",
        [](double& number) {
          number = measure_clock_offset(unix_seconds, kPatience);
          return Findings();
        },
        &ahead);
    if (is_root() && ahead.size() == ranks_.size()) {
      for (const LocatedFinding& finding : judge_clocks(ranks_, ahead)) report_.add(finding);
    }
    return all;
  }

  // Storage that is no good is no reason to leave the rest undone.
  bool storage() {
    if (request_.run_dir.empty() || session_.world() == 1) return true;
    report_.begin("trying the run directory from all nodes");
    std::optional<SharedProbe> probe;
    const auto ticket = mail_.round(
        "", [&](const RankTexts& by_rank) { return offer(by_rank, probe); }, kPatience);
    if (!ticket || ticket == kStop) return false;
    part("reading what rank 0 wrote", "run-directory-everywhere", [&](double&) {
      if (is_root() || ticket->empty()) return Findings();
      std::optional<Findings> found =
          call_within<Findings>(kPatience, [told = *ticket] { return look_for(told); });
      if (found) return *std::move(found);
      return Findings{failure("run-directory-everywhere",
                              text("the storage does not answer within %.0f s", kPatience),
                              "have this node's mount looked at")};
    });
    return all_are_there();
  }

  // What rank 0 has written; empty where it could not.
  std::string offer(const RankTexts& by_rank, std::optional<SharedProbe>& probe) {
    if (name_the_silent(by_rank)) return kStop;
    try {
      probe.emplace(request_.run_dir);
      return probe->ticket();
    } catch (const Error&) {  // it has said so already, alone
      return "";
    }
  }

  // All ranks go on together, or none.
  bool all_are_there() {
    const auto answer = mail_.round(
        "", [this](const RankTexts& by_rank) { return name_the_silent(by_rank) ? kStop : kGoOn; },
        kPatience);
    return answer == kGoOn;
  }

  bool sums() {
    const bool made = part(
        "bringing the ranks together (comm.backend = \"" + request_.options.comm.backend + "\")",
        "communication", [this](double&) { return join(); });
    if (!made) return false;
    return part("summing over all ranks", "all-reduce", [this](double&) { return add_up(); });
  }

  Findings join() {
    CommOptions options = request_.options.comm;
    options.timeout_seconds = std::min(options.timeout_seconds, kPatience);
    group_ = std::make_unique<ProcessGroup>(make_process_group(session_, options));
    Findings findings = {
        fine("communication", "gradients go by " + std::string(group_->gradients().backend()))};
    const CoreBinding& cores = group_->cores();
    if (!cores.what.empty()) findings.push_back(fine("binding", cores.what));
    return findings;
  }

  Findings add_up() {
    AllReduceBenchOptions options;
    options.bytes = {int64_t{1} << 20, int64_t{16} << 20};
    if (!request_.quick) options.bytes.push_back(int64_t{100} << 20);
    options.rounds = request_.quick ? 1 : 3;
    const AllReduceBench bench = bench_all_reduce(*group_, options);
    int64_t wrong = 0;
    for (const AllReduceRow& row : bench.rows) wrong += row.wrong;
    if (wrong > 0)
      return {failure("all-reduce", text("%ld elements of sums over all ranks are wrong", wrong),
                      "do not train on these nodes before memory and network are checked; halves "
                      "of them, tried apart, tell which")};
    if (!is_root() || session_.world() == 1) return {};
    const AllReduceRow& largest = bench.rows.back();
    return {fine("all-reduce", text("sums of %s are right, %.2f GB/s (bus bandwidth)",
                                    byte_size_text(largest.bytes).c_str(),
                                    1e-9 * largest.bus_bandwidth(session_.world())))};
  }

  void devices() {
    std::vector<double> speeds;
    part(
        "computing products on every device", "device",
        [this](double& number) { return multiply(number); }, &speeds, kDevicesPatience);
    if (is_root() && speeds.size() == ranks_.size()) {
      for (const LocatedFinding& finding : judge_speeds(ranks_, speeds)) report_.add(finding);
    }
  }

  std::string name_of_device(const ComputeDevice& device) const {
    if (device.kind == DeviceKind::kCpu) return "the CPU";
    return "GPU " + facts_.gpus.visible.pci_bus_ids.at(static_cast<size_t>(device.index));
  }

  // On this rank's device, and on GPUs of its node that no rank has.
  Findings multiply(double& flops_per_second) {
    ComputeDevice device{.kind = group_->device_kind(),
                         .index = group_->device_index(),
                         .threads = group_->threads()};
    Findings findings = {
        judge_device(device, name_of_device(device), request_.quick ? 1 : 5, &flops_per_second)};
    if (device.kind == DeviceKind::kCpu) return findings;
    for (const int gpu : spare_gpus_) {
      device.index = gpu;
      findings.push_back(judge_device(device, name_of_device(device), request_.quick ? 0.3 : 2));
    }
    return findings;
  }

  const DoctorRequest& request_;
  const LauncherFacts& launcher_;
  const RankFacts& facts_;
  MpiSession& session_;
  DoctorReport& report_;
  RankMail mail_;
  std::vector<std::string> hosts_;  // by rank; empty where they are not known
  std::vector<int> spare_gpus_;     // that this rank sees, and none has
  std::vector<RankFacts> ranks_;    // on rank 0, by rank
  std::vector<size_t> silent_;
  std::unique_ptr<ProcessGroup> group_;
};

}  // namespace

void judge_alone(const DoctorRequest& request, const RankFacts& facts, DoctorReport& report) {
  report.set_ranks({facts.host});
  judge(request, {facts}, report);
}

bool check_together(const DoctorRequest& request, const LauncherFacts& launcher,
                    const RankFacts& facts, MpiSession& session, DoctorReport& report) {
  return Together(request, launcher, facts, session, report).run();
}

}  // namespace catamaran
