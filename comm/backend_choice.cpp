#include "comm/backend_choice.h"

#include <algorithm>

#include "support/error.h"

namespace catamaran {
namespace {

// Neighbouring ranks of one host without a GPU, for a message.
struct Group {
  size_t first;
  size_t last;
};

std::vector<Group> groups_without_gpu(const std::vector<RankDevice>& ranks) {
  std::vector<Group> groups;
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (ranks[r].has_gpu) continue;
    if (!groups.empty() && groups.back().last + 1 == r && ranks[r - 1].host == ranks[r].host) {
      groups.back().last = r;
    } else {
      groups.push_back({r, r});
    }
  }
  return groups;
}

std::string text_of(const std::vector<Group>& groups, const std::vector<RankDevice>& ranks) {
  constexpr size_t kMost = 4;
  std::string text;
  for (size_t g = 0; g < std::min(kMost, groups.size()); ++g) {
    const auto [first, last] = groups[g];
    text += (g == 0 ? "rank " : ", rank ") + std::to_string(first);
    if (last > first) text += " to " + std::to_string(last);
    text += " on " + ranks[first].host + " (" + ranks[first].reason + ")";
  }
  if (groups.size() > kMost) text += " and " + std::to_string(groups.size() - kMost) + " more";
  return text;
}

}  // namespace

BackendChoice choose_backend(const std::string& backend, const std::vector<RankDevice>& ranks) {
  if (backend == "mpi") return {};
  const bool one_node =
      std::ranges::all_of(ranks, [&](const RankDevice& r) { return r.host == ranks[0].host; });
  if (backend == "node") {
    if (one_node) return {.gpus = false, .node = true, .warning = ""};
    const auto other =
        std::ranges::find_if(ranks, [&](const RankDevice& r) { return r.host != ranks[0].host; });
    throw UsageError("node needs all ranks on one node, and rank 0 is on " + ranks[0].host +
                         ", rank " + std::to_string(other - ranks.begin()) + " on " + other->host,
                     "comm.backend", "use comm.backend = \"mpi\" or \"auto\"");
  }
  const std::vector<Group> without = groups_without_gpu(ranks);
  if (without.empty()) return {.gpus = true, .node = false, .warning = ""};
  if (backend == "nccl") {
    throw UsageError(
        "nccl needs a GPU for every rank, and there is none for " + text_of(without, ranks),
        "comm.backend", "use comm.backend = \"mpi\" (CPU) or \"auto\"");
  }
  if (std::ranges::any_of(ranks, &RankDevice::has_gpu)) {
    throw UsageError("some ranks have a GPU, and there is none for " + text_of(without, ranks),
                     "comm.backend",
                     "start one rank per GPU, or leave those hosts out; comm.backend = \"mpi\" "
                     "trains on the CPU of all of them");
  }
  const auto failed = std::ranges::find_if(ranks, &RankDevice::driver_failed);
  if (failed == ranks.end()) return {.gpus = false, .node = one_node, .warning = ""};
  return {.gpus = false,
          .node = one_node,
          .warning = "this run uses the CPU: no rank has a GPU, and on " + failed->host + " " +
                     failed->reason + "; comm.backend = \"mpi\" says that this is meant"};
}

}  // namespace catamaran
