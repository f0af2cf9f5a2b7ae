#include "support/resource_limits.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <string>

#include "support/open_files.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

constexpr int64_t kFewFiles = 1024;             // packs keep a file a shard open
constexpr int64_t kLittleMemory = 2 * kGiB;     // a rank: the smallest models with a loader
constexpr int64_t kLittleShared = 64 * kMiB;    // a rank: NCCL's and Open MPI's buffers
constexpr int64_t kTooLittleShared = 8 * kMiB;  // a rank: Open MPI's alone do not fit
constexpr double kUnlimited = 1e18;             // bytes; some systems write a huge number

std::string gib(int64_t bytes) {
  return bytes < kGiB ? text("%.0f MiB", static_cast<double>(bytes) / static_cast<double>(kMiB))
                      : text("%.1f GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
}

int64_t locked_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      static_cast<double>(limit.rlim_cur) > kUnlimited)
    return -1;
  return static_cast<int64_t>(limit.rlim_cur);
}

Finding judge_locked_memory(const ResourceFacts& facts) {
  const std::string topic = "locked-memory";
  if (facts.locked_memory_bytes < 0) return fine(topic, "locked memory has no limit");
  const std::string what =
      "locked memory is limited to " + gib(facts.locked_memory_bytes) + " (RLIMIT_MEMLOCK)";
  if (!facts.has_infiniband) return fine(topic, what + ", and there is no InfiniBand to need more");
  return warning(topic, what + ", and InfiniBand pins what it sends",
                 "set `memlock unlimited` in limits.conf, and LimitMEMLOCK=infinity for slurmd; "
                 "else transfers fail or go through TCP");
}

Finding judge_open_files(const ResourceFacts& facts) {
  const std::string what = text("a process may open %ld files at once", facts.open_files);
  if (facts.open_files >= kFewFiles) return fine("open-files", what);
  return warning("open-files", what + ", and a pack keeps one for each shard",
                 "raise the hard limit: `nofile` in limits.conf, LimitNOFILE for slurmd");
}

Finding judge_memory(const ResourceFacts& facts, int64_t ranks) {
  const std::string topic = "memory";
  if (facts.memory_bytes <= 0)
    return note(topic, "the system does not say how much memory there is");
  const int64_t each = facts.memory_bytes / ranks;
  const std::string what = gib(facts.memory_bytes) + " of memory for " + std::to_string(ranks) +
                           (ranks == 1 ? " rank" : " ranks");
  if (each >= kLittleMemory) return fine(topic, what);
  return warning(topic, what + " (the least of machine, control groups and Slurm)",
                 "ask for more (--mem, --mem-per-cpu), or start fewer ranks a node: the kernel "
                 "kills a rank that needs more");
}

Finding judge_shared_memory(const ResourceFacts& facts, int64_t ranks) {
  const std::string topic = "shared-memory";
  const std::string advice =
      "give it more: `mount -o remount,size=50% /dev/shm`, or --shm-size, --ipc=host of a "
      "container";
  if (facts.shared_memory_bytes < 0)
    return failure(topic, "there is no /dev/shm, which Open MPI and NCCL need on a node", advice);
  if (!facts.shared_memory_is_writable)
    return failure(topic, "/dev/shm cannot be written to, and Open MPI and NCCL need it on a node",
                   "give it the mode 1777");
  const std::string what = gib(facts.shared_memory_free_bytes) + " of " +
                           gib(facts.shared_memory_bytes) + " free in /dev/shm for " +
                           std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks");
  const std::string leftovers = "delete what dead jobs have left there, or " + advice;
  if (facts.shared_memory_free_bytes < ranks * kTooLittleShared)
    return failure(topic, what, leftovers);
  if (facts.shared_memory_free_bytes < ranks * kLittleShared)
    return warning(topic, what, leftovers);
  return fine(topic, what);
}

}  // namespace

ResourceFacts read_resources(const ResourcePaths& paths) {
  ResourceFacts facts;
  facts.locked_memory_bytes = locked_memory();
  facts.open_files = open_file_limit();
  facts.memory_bytes = memory_limit_bytes();
  struct statvfs space {};
  if (::statvfs(paths.shared_memory.c_str(), &space) == 0) {
    const auto block = static_cast<int64_t>(space.f_frsize);
    facts.shared_memory_bytes = static_cast<int64_t>(space.f_blocks) * block;
    facts.shared_memory_free_bytes = static_cast<int64_t>(space.f_bavail) * block;
    facts.shared_memory_is_writable = ::access(paths.shared_memory.c_str(), W_OK | X_OK) == 0;
  }
  std::error_code code;
  const fs::directory_iterator devices(paths.infiniband, code);
  facts.has_infiniband = !code && devices != fs::directory_iterator();
  return facts;
}

std::vector<Finding> judge_resources(const ResourceFacts& facts, int64_t ranks_of_host) {
  const int64_t ranks = ranks_of_host > 0 ? ranks_of_host : 1;
  return {judge_locked_memory(facts), judge_open_files(facts), judge_memory(facts, ranks),
          judge_shared_memory(facts, ranks)};
}

}  // namespace catamaran
