#include "support/memory_state.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiB = 1 << 20;

// Keeps the least of the limits that there are.
void take_less(int64_t& limit, int64_t other) {
  if (other > 0 && (limit == 0 || other < limit)) limit = other;
}

// 0 where there is no such file or, as "max" says, no limit.
int64_t number_in(const fs::path& file) {
  int64_t number = 0;
  std::ifstream in(file);
  return in >> number ? number : 0;
}

int64_t machine_bytes(const fs::path& proc) {
  std::ifstream in(proc / "meminfo");
  int64_t kib = 0;
  for (std::string word; in >> word;) {
    if (word == "MemTotal:" && in >> kib) return kib * 1024;
  }
  return 0;
}

// Of a group and all above it, up to the root of the hierarchy. In a container the path may be one
// that it does not see: then the root is what it has.
int64_t group_bytes(const fs::path& root, const std::string& group, const char* file) {
  int64_t limit = number_in(root / file);
  fs::path at = root;
  for (const fs::path& part : fs::path(group).relative_path())
    take_less(limit, number_in((at /= part) / file));
  return limit;
}

// Lines of /proc/self/cgroup: "0::/a/b" (v2), "9:memory:/a/b" (v1).
int64_t control_group_bytes(const MemoryFiles& files) {
  int64_t limit = 0;
  std::ifstream in(files.proc / "self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) take_less(limit, group_bytes(files.cgroup, group, "memory.max"));
    if (controllers == "memory")
      take_less(limit, group_bytes(files.cgroup / "memory", group, "memory.limit_in_bytes"));
  }
  return limit;
}

}  // namespace

ResidentMemory resident_memory(const fs::path& proc) {
  std::ifstream in(proc / "self/statm");
  int64_t all_pages = 0;
  int64_t resident_pages = 0;
  int64_t shared_pages = 0;
  if (!(in >> all_pages >> resident_pages >> shared_pages)) return {};
  const int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  // The kernel counts each for itself, and not at the same moment.
  return {.bytes = resident_pages * page_bytes,
          .shared_bytes = std::min(shared_pages, resident_pages) * page_bytes};
}

int64_t resident_bytes() { return resident_memory().bytes; }

int64_t memory_limit_bytes(const MemoryFiles& files) {
  int64_t limit = machine_bytes(files.proc);
  take_less(limit, control_group_bytes(files));
  if (files.slurm_mib != nullptr) take_less(limit, std::atoll(files.slurm_mib) * kMiB);
  return limit;
}

int64_t memory_limit_bytes() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets variables
  return memory_limit_bytes({.slurm_mib = std::getenv("SLURM_MEM_PER_NODE")});
}

}  // namespace catamaran
