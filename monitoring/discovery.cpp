#include "monitoring/discovery.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr const char* kJob = "catamaran";
// Prometheus drops labels of this prefix once targets are relabelled.
constexpr const char* kRunDir = "__meta_catamaran_run_dir";
constexpr int64_t kLargestBytes = int64_t{256} << 10;  // of a file
constexpr size_t kMostFiles = 10'000;
constexpr size_t kLongestLabel = 4096;  // bytes
constexpr size_t kLongestHost = 253;    // of DNS
constexpr size_t kLongestName = 64;     // of the run's part of a file name

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw UsageError(what, file.string(), "");
}

bool is_of_host(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         c == '-' || c == '_';
}

// A name or an IPv4 address, and a port.
bool is_address(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon > kLongestHost) return false;
  if (!std::ranges::all_of(address.substr(0, colon), is_of_host)) return false;
  const char* const end = address.data() + address.size();
  int port = 0;
  const auto [stop, code] = std::from_chars(address.data() + colon + 1, end, port);
  return code == std::errc() && stop == end && port > 0 && port <= 65535;
}

json group_json(const DiscoveryTarget& target) {
  json labels = {{"job", kJob}, {"run", target.run}};
  const std::array<std::pair<const char*, const std::string*>, 4> others = {
      {{"slurm_job_id", &target.slurm_job_id},
       {"user", &target.user},
       {"cluster", &target.cluster},
       {kRunDir, &target.run_dir}}};
  for (const auto& [name, value] : others) {
    if (!value->empty()) labels[name] = *value;
  }
  return {{"targets", json::array({target.address})}, {"labels", std::move(labels)}};
}

DiscoveryTarget target_of(const fs::path& file) {
  const std::string where = file.string();
  const json root = read_json_file(file, kKind, kLargestBytes);
  if (!root.is_array() || root.size() != 1) refuse(file, "it is no list of one group of targets");
  const auto targets = json_field<std::vector<std::string>>(root[0], "targets", where, kKind);
  if (targets.size() != 1)
    refuse(file, text("it has %zu targets, and a run has one", targets.size()));
  if (!is_address(targets[0])) refuse(file, "its target is no HOST:PORT");
  auto labels = json_field<std::map<std::string, std::string>>(root[0], "labels", where, kKind);
  if (labels["job"] != kJob) refuse(file, "its label job is not 'catamaran'");
  if (labels["run"].empty()) refuse(file, "it has no label run");
  for (const auto& [name, value] : labels) {
    if (value.size() > kLongestLabel) refuse(file, "its label " + name + " is too long");
  }
  return {.file = file,
          .address = targets[0],
          .run = labels["run"],
          .slurm_job_id = labels["slurm_job_id"],
          .user = labels["user"],
          .cluster = labels["cluster"],
          .run_dir = labels[kRunDir]};
}

// A run may be called anything; a file may not.
std::string name_of(const DiscoveryTarget& target) {
  std::string name = target.run.substr(0, kLongestName);
  std::ranges::replace_if(
      name, [](char c) { return !is_of_host(c); }, '_');
  if (name.empty() || name[0] == '.') name.insert(0, "_");
  return name + "-" + to_hex(xxh3(target.run_dir)).substr(0, 8) + ".json";
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string discovery_json(const std::vector<DiscoveryTarget>& targets) {
  json groups = json::array();
  for (const DiscoveryTarget& target : targets) groups.push_back(group_json(target));
  return json_text(groups) + "\n";
}

DiscoveryFolder read_discovery(const fs::path& folder) {
  std::vector<fs::path> files;
  bool more = false;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || !name.ends_with(".json")) continue;
    more = files.size() == kMostFiles;
    if (more) break;
    files.push_back(at->path());
  }
  if (code) {
    throw UsageError(with_errno("the folder of discovery files cannot be read", code.value()),
                     folder.string(),
                     "name the folder that monitoring.discovery_folder of the runs names");
  }
  std::ranges::sort(files);
  DiscoveryFolder found;
  for (const fs::path& file : files) {
    try {
      found.targets.push_back(target_of(file));
    } catch (const Error& problem) {
      // One that its run has removed meanwhile is no mistake of anybody's.
      std::error_code gone;
      if (fs::exists(file, gone)) found.left_out.push_back(printable(problem.what()));
    }
  }
  if (more)
    found.left_out.push_back(
        printable(folder.string()) +
        text(": it has more than %zu files, the others are not read", kMostFiles));
  return found;
}

DiscoveryFile::DiscoveryFile(const fs::path& folder, const DiscoveryTarget& target) {
  DiscoveryTarget whole = target;
  if (!whole.run_dir.empty()) whole.run_dir = fs::absolute(whole.run_dir).lexically_normal();
  path_ = folder / name_of(whole);
  content_ = discovery_json({whole});
  write_file_atomically(path_, content_, kKind);
}

void DiscoveryFile::remove() {
  std::error_code code;
  if (content_of(path_) == content_) fs::remove(path_, code);
}

}  // namespace catamaran
