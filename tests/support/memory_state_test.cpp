// The least of what the machine, control groups and Slurm allow.
#include "support/memory_state.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kGiB = int64_t{1} << 30;

class MemoryLimit : public testing::Test {
 protected:
  MemoryLimit() {
    fs::remove_all(folder_);
    write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1000000 kB\n");
  }
  ~MemoryLimit() override { fs::remove_all(folder_); }
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << text;
  }
  int64_t limit(const char* slurm = nullptr) const {
    return memory_limit_bytes(
        {.proc = folder_ / "proc", .cgroup = folder_ / "cgroup", .slurm_mib = slurm});
  }

 private:
  fs::path folder_ = fs::path(testing::TempDir()) / ("memory-state-" + std::to_string(::getpid()));
};

TEST_F(MemoryLimit, IsThatOfTheMachineWhereNothingElseSays) {
  EXPECT_EQ(limit(), 16 * kGiB);
  EXPECT_EQ(limit("0"), 16 * kGiB) << "Slurm's word for all of the node";
}

TEST_F(MemoryLimit, IsThatOfTheNarrowestControlGroupAboveThisProcess) {
  write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  write("cgroup/slurm/job_7/memory.max", "4294967296\n");
  write("cgroup/slurm/job_7/step_0/memory.max", "max\n");
  write("cgroup/slurm/memory.max", "8589934592\n");
  EXPECT_EQ(limit(), 4 * kGiB);
}

TEST_F(MemoryLimit, ReadsControlGroupsOfTheFirstVersion) {
  write("proc/self/cgroup", "12:cpu,cpuacct:/a\n9:memory:/docker/abc\n");
  write("cgroup/memory/memory.limit_in_bytes", "2147483648\n");  // all that a container sees
  EXPECT_EQ(limit(), 2 * kGiB);
}

TEST_F(MemoryLimit, IsThatOfTheSlurmJob) { EXPECT_EQ(limit("1024"), kGiB); }

TEST_F(MemoryLimit, IsUnknownWhereNothingSays) {
  EXPECT_EQ(memory_limit_bytes({.proc = "/nowhere", .cgroup = "/nowhere"}), 0);
}

TEST(ResidentMemory, IsWhatTheKernelCountsInPages) {
  const fs::path proc =
      fs::path(testing::TempDir()) / ("resident-memory-" + std::to_string(::getpid()));
  fs::create_directories(proc / "self");
  const auto read = [&](const std::string& statm) {
    std::ofstream(proc / "self/statm") << statm;
    return resident_memory(proc);
  };
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  const ResidentMemory memory = read("9000 500 200 40 0 300 0\n");
  EXPECT_EQ(memory.bytes, 500 * page);
  EXPECT_EQ(memory.shared_bytes, 200 * page);
  EXPECT_EQ(read("9000 500 501 40 0 300 0\n").shared_bytes, 500 * page) << "a part of it";
  EXPECT_EQ(read("nothing").bytes, 0);
  fs::remove_all(proc);
}

TEST(ResidentMemory, TellsWhatIsSharedFromWhatIsNot) {
  constexpr size_t kBytes = size_t{64} << 20;
  const ResidentMemory before = resident_memory();
  void* const shared =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  std::memset(shared, 1, kBytes);
  const ResidentMemory after = resident_memory();
  ::munmap(shared, kBytes);
  const std::vector<char> own(kBytes, 1);
  const ResidentMemory later = resident_memory();
  constexpr auto kMost = static_cast<int64_t>(kBytes / 2);
  EXPECT_GT(after.bytes, before.bytes + kMost);
  EXPECT_GT(after.shared_bytes, before.shared_bytes + kMost);
  EXPECT_GT(later.bytes, before.bytes + kMost) << own[kBytes / 2];
  EXPECT_LT(later.shared_bytes, before.shared_bytes + kMost);
}

TEST(ResidentMemory, GrowsWithWhatIsTouched) {
  const int64_t before = resident_bytes();
  EXPECT_GT(before, 0);
  constexpr size_t kBytes = size_t{64} << 20;
  std::vector<char> held(kBytes);
  std::memset(held.data(), 1, held.size());
  EXPECT_GT(resident_bytes(), before + static_cast<int64_t>(kBytes / 2)) << held[kBytes / 2];
}

}  // namespace
}  // namespace catamaran
