#include "trainer/memory_guess.h"

#include <algorithm>
#include <cstdint>

#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kShareOfFull = 0.8;  // of a host's memory, that its ranks held
constexpr double kGiB = 1 << 30;

// What the ranks of a host held together. What they share is there once, whoever maps it: the most
// that one of them has, since all map the same, the node's exchange and the files of program and
// pack.
double held_bytes(const std::vector<RankRecord>& ranks, const std::string& host) {
  int64_t own = 0;
  int64_t shared = 0;
  for (const RankRecord& r : ranks) {
    if (r.host != host || !r.heartbeat) continue;
    const Heartbeat& newest = r.heartbeat->newest;
    own += newest.resident_bytes - newest.shared_bytes;
    shared = std::max(shared, newest.shared_bytes);
  }
  return static_cast<double>(own + shared);
}

}  // namespace

std::string memory_guess(const std::vector<RankRecord>& ranks, const RankRecord& lost) {
  if (!lost.heartbeat || lost.heartbeat->newest.limit_bytes == 0) return "";
  const auto limit = static_cast<double>(lost.heartbeat->newest.limit_bytes);
  const double held = held_bytes(ranks, lost.host);
  if (held < kShareOfFull * limit) return "";
  return text(
      "; probably memory: rank %d's resident memory was %.2f GiB at its last heartbeat, and all "
      "ranks of its host held %.2f of %.2f GiB (lower batch.per_device, or fewer ranks a host)",
      lost.rank, static_cast<double>(lost.heartbeat->newest.resident_bytes) / kGiB, held / kGiB,
      limit / kGiB);
}

}  // namespace catamaran
