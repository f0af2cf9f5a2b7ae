// What the system lets this process have, as far as training depends on it: locked memory, open
// files, memory, shared memory; and what to say of it.
//
//   for (const Finding& finding : judge_resources(read_resources(), ranks_of_this_host)) ...
//
// Locked memory matters where there is InfiniBand: its driver pins what it sends. /dev/shm is where
// Open MPI and NCCL put what ranks of a node exchange; a container often has 64 MiB of it.
// judge_resources is a pure function. Thread-safe.
// Source: getrlimit(2), statvfs(3); NCCL's and Open MPI's pages on shared memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "support/finding.h"
#include "support/memory_state.h"

namespace catamaran {

struct ResourceFacts {
  int64_t locked_memory_bytes = -1;  // -1: no limit
  int64_t open_files = 0;
  int64_t memory_bytes = 0;              // support/memory_state.h; 0: nobody says
  int64_t shared_memory_bytes = -1;      // of /dev/shm; -1: there is none
  int64_t shared_memory_free_bytes = 0;  //
  bool shared_memory_is_writable = true;
  bool has_infiniband = false;
};

// Where the system says so.
struct ResourcePaths {
  std::filesystem::path shared_memory = "/dev/shm";
  std::filesystem::path infiniband = "/sys/class/infiniband";
};
ResourceFacts read_resources(const ResourcePaths& paths = {});

// A finding for each of the four, good or bad.
std::vector<Finding> judge_resources(const ResourceFacts& facts, int64_t ranks_of_host);

}  // namespace catamaran
