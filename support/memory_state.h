// What memory this process holds, and how much it and its neighbours may hold before the kernel or
// the scheduler kills one of them.
//
//   const int64_t share = resident_bytes() * 100 / memory_limit_bytes();   // where that is not 0
//
// Thread-safe. Source: proc(5), the kernel's documentation of control groups (v1 and v2),
// sbatch(1).
#pragma once

#include <cstdint>
#include <filesystem>

namespace catamaran {

struct ResidentMemory {
  int64_t bytes = 0;         // 0 where the system does not say
  int64_t shared_bytes = 0;  // among them: of mapped files and shared memory, which neighbours may
                             // hold, too
};
// Of this process, from statm, which the kernel counts anyway: some 10 microseconds. Its share of
// what is shared (Pss of smaps_rollup) would be exact, but has all page tables walked: 20 ms for
// each GiB, with the address space locked, is too much for once a second.
ResidentMemory resident_memory(const std::filesystem::path& proc = "/proc");
int64_t resident_bytes();

// Where the system says what a process may have.
struct MemoryFiles {
  std::filesystem::path proc = "/proc";
  std::filesystem::path cgroup = "/sys/fs/cgroup";
  const char* slurm_mib = nullptr;  // SLURM_MEM_PER_NODE: of the job on each node; 0: all of it
};
// The least of the machine's memory, the limits of this process's control groups and that of the
// Slurm job; 0 where nothing says.
int64_t memory_limit_bytes(const MemoryFiles& files);
int64_t memory_limit_bytes();  // of this process

}  // namespace catamaran
