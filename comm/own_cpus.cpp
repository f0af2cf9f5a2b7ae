#include "comm/own_cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int kMostCpus = 1 << 14;  // of a mask; the kernel knows 8192 at most today

// A mask that is larger than the kernel's is allowed, a smaller one is not.
class CpuMask {
 public:
  CpuMask() : set_(CPU_ALLOC(kMostCpus), [](cpu_set_t* set) { CPU_FREE(set); }) {
    CPU_ZERO_S(bytes(), set_.get());
  }
  static size_t bytes() { return CPU_ALLOC_SIZE(kMostCpus); }
  cpu_set_t* get() const { return set_.get(); }

 private:
  std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set_;
};

}  // namespace

std::vector<int> own_cpus() {
  const CpuMask mask;
  std::vector<int> cpus;
  if (::sched_getaffinity(0, CpuMask::bytes(), mask.get()) != 0) return cpus;
  for (int cpu = 0; cpu < kMostCpus; ++cpu) {
    if (CPU_ISSET_S(static_cast<size_t>(cpu), CpuMask::bytes(), mask.get())) cpus.push_back(cpu);
  }
  return cpus;
}

bool take_cpus(const std::vector<int>& cpus) {
  const CpuMask mask;
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= kMostCpus) return false;
    CPU_SET_S(static_cast<size_t>(cpu), CpuMask::bytes(), mask.get());
  }
  if (::sched_setaffinity(0, CpuMask::bytes(), mask.get()) != 0) return false;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/task", code)) {
    const std::string name = entry.path().filename().string();
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    if (thread > 0) ::sched_setaffinity(thread, CpuMask::bytes(), mask.get());  // ended meanwhile
  }
  return true;
}

}  // namespace catamaran
