#include "support/cpu_topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CpuTopologyOf : public testing::Test {
 protected:
  CpuTopologyOf() { fs::remove_all(folder_); }
  ~CpuTopologyOf() override { fs::remove_all(folder_); }
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << text;
  }
  void write_cpu(int cpu, const std::string& siblings) const {
    write("cpu/cpu" + std::to_string(cpu) + "/topology/core_cpus_list", siblings + "\n");
  }
  fs::path folder_ = fs::path(testing::TempDir()) / ("cpu-topology-" + std::to_string(::getpid()));
};

TEST(CpuList, IsReadAsTheKernelWritesIt) {
  EXPECT_THAT(*parse_cpu_list("0-3,8\n"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(*parse_cpu_list("5"), ElementsAre(5));
  EXPECT_THAT(*parse_cpu_list("3,1,1-2"), ElementsAre(1, 2, 3));
  EXPECT_THAT(*parse_cpu_list(""), IsEmpty());
  EXPECT_THAT(*parse_cpu_list("\n"), IsEmpty());
}

TEST(CpuList, ThatIsNoneIsRefused) {
  for (const char* list :
       {"a", "0-", "-1", "3-1", "0,,1", "0,", ",0", "0-1-2", "0 1", "99999999999", "0-999999"})
    EXPECT_FALSE(parse_cpu_list(list)) << list;
}

TEST(CpuList, IsWrittenWithRanges) {
  EXPECT_EQ(cpu_list_text({}), "");
  EXPECT_EQ(cpu_list_text({4}), "4");
  EXPECT_EQ(cpu_list_text({8, 0, 1, 2, 3, 3}), "0-3,8");
  EXPECT_EQ(cpu_list_text({0, 2, 4, 5}), "0,2,4-5");
}

TEST_F(CpuTopologyOf, TwoNodesWithHyperthreads) {
  write("cpu/online", "0-7\n");
  for (int cpu = 0; cpu < 8; ++cpu)
    write_cpu(cpu, std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4));
  write("node/node0/cpulist", "0-1,4-5\n");
  write("node/node1/cpulist", "2-3,6-7\n");
  write("node/node2/cpulist", "\n");  // memory alone
  write("node/online", "0-2\n");
  const CpuTopology machine = read_cpu_topology(folder_);
  EXPECT_EQ(machine.cpus.size(), 8U);
  EXPECT_EQ(machine.cpus[1], (Cpu{.number = 1, .core = 1, .numa_node = 0}));
  EXPECT_EQ(machine.cpus[6], (Cpu{.number = 6, .core = 2, .numa_node = 1}));
  EXPECT_THAT(machine.numa_nodes(), ElementsAre(0, 1));
}

TEST_F(CpuTopologyOf, AnOldKernelAndCpusThatAreOffline) {
  write("cpu/online", "0,2-3\n");
  write("cpu/cpu2/topology/thread_siblings_list", "2-3\n");
  write("cpu/cpu3/topology/thread_siblings_list", "2-3\n");
  const CpuTopology machine = read_cpu_topology(folder_);
  EXPECT_THAT(machine.cpus, ElementsAre(Cpu{.number = 0, .core = 0, .numa_node = 0},
                                        Cpu{.number = 2, .core = 2, .numa_node = 0},
                                        Cpu{.number = 3, .core = 2, .numa_node = 0}));
}

TEST_F(CpuTopologyOf, WhatTheKernelDoesNotShowIsTheSimplest) {
  const CpuTopology machine = read_cpu_topology(folder_ / "nothing");
  EXPECT_EQ(static_cast<int64_t>(machine.cpus.size()), ::sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_THAT(machine.numa_nodes(), ElementsAre(0));
}

TEST(CpuTopologyHere, HasEachCpuOnce) {
  const CpuTopology machine = read_cpu_topology();
  ASSERT_FALSE(machine.cpus.empty());
  for (size_t i = 1; i < machine.cpus.size(); ++i)
    EXPECT_LT(machine.cpus[i - 1].number, machine.cpus[i].number);
}

TEST_F(CpuTopologyOf, AGpuByAnyoneSWayToWriteItsId) {
  write("0000:c1:00.0/numa_node", "1\n");
  write("0000:41:00.0/numa_node", "-1\n");
  EXPECT_EQ(numa_node_of_pci("0000:C1:00.0", folder_), 1) << "CUDA";
  EXPECT_EQ(numa_node_of_pci("00000000:C1:00.0", folder_), 1) << "nvidia-smi";
  EXPECT_EQ(numa_node_of_pci("0000:41:00.0", folder_), -1);
  EXPECT_EQ(numa_node_of_pci("0000:02:00.0", folder_), -1) << "not there";
  EXPECT_EQ(kernel_bus_id("00010000:3B:00.0"), "00010000:3b:00.0") << "a domain of its own";
}

}  // namespace
}  // namespace catamaran
