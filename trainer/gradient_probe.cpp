#include "trainer/gradient_probe.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

// "AMD EPYC 7763" as /proc/cpuinfo has it; "" where it does not.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    return colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return "";
}

bool are_alike(const std::vector<std::string>& all) {
  return std::ranges::all_of(all, [&](const std::string& one) { return one == all.front(); });
}

}  // namespace

std::vector<int> odd_ranks(const std::vector<uint64_t>& values) {
  std::map<uint64_t, size_t> counts;
  for (const uint64_t value : values) ++counts[value];
  std::vector<int> odd;
  if (counts.size() < 2) return odd;
  const auto most =
      std::ranges::max_element(counts, {}, &std::pair<const uint64_t, size_t>::second);
  const bool decided = 2 * most->second > values.size();
  for (size_t r = 0; r < values.size(); ++r) {
    if (!decided || values[r] != most->first) odd.push_back(static_cast<int>(r));
  }
  return odd;
}

void require_same_gradients(uint64_t hash, ProcessGroup& group, int64_t step) {
  const std::string mine =
      std::string(reinterpret_cast<const char*>(&hash), sizeof hash) + group.host_name();
  std::vector<uint64_t> hashes;
  std::vector<std::string> hosts;
  for (const std::string& theirs : group.all_gather(mine)) {
    uint64_t value = 0;
    std::memcpy(&value, theirs.data(), sizeof value);
    hashes.push_back(value);
    hosts.push_back(theirs.substr(sizeof value));
  }
  const std::vector<int> odd = odd_ranks(hashes);
  if (odd.empty()) return;
  std::string names;
  std::vector<std::string> odd_hosts;
  for (const int r : odd) {
    const std::string& host = hosts[static_cast<size_t>(r)];
    names += (names.empty() ? "rank " : ", rank ") + std::to_string(r) + " on " + host;
    if (std::ranges::find(odd_hosts, host) == odd_hosts.end()) odd_hosts.push_back(host);
  }
  const bool decided = odd.size() < hashes.size();
  throw classified<NumericsError>(
      decided ? names + " computes other gradients than the others"
              : "the ranks compute different gradients, no two of them or no more "
                "than half alike: " +
                    names,
      "probe at step " + std::to_string(step),
      "resume from the newest checkpoint on other nodes, and have this one's memory "
      "and processor checked",
      decided ? FaultClass::kBadNode : FaultClass::kUnknown, std::move(odd_hosts));
}

int64_t probe_interval(int64_t every, ProcessGroup& group) {
  if (every == 0 || group.world() == 1) return 0;
  std::string reason;
  const bool processors_alike = are_alike(group.all_gather(processor_name()));
  const bool threads_alike = are_alike(group.all_gather(std::to_string(group.threads())));
  if (group.device_kind() == DeviceKind::kCuda) {
    reason = "kernels of a GPU need not give the same bits twice";
  } else if (!processors_alike) {
    reason = "the ranks' processors are not alike";
  } else if (!threads_alike) {  // sums are cut into as many parts
    reason = "the ranks have different numbers of threads (comm.threads_per_rank)";
  }
  if (reason.empty()) return every;
  if (group.is_root()) log::warn("numerics.probe_every_steps: left out, since " + reason);
  return 0;
}

}  // namespace catamaran
