#include "comm/core_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Nodes of so many cores each; with two threads a core, the second ones are numbered behind all
// first ones, as on most machines.
CpuTopology machine_of(int nodes, int cores_of_node, int threads = 1) {
  CpuTopology machine;
  const int cores = nodes * cores_of_node;
  for (int cpu = 0; cpu < cores * threads; ++cpu)
    machine.cpus.push_back(
        {.number = cpu, .core = cpu % cores, .numa_node = cpu % cores / cores_of_node});
  return machine;
}

std::vector<int> all_cpus(const CpuTopology& machine) {
  std::vector<int> cpus;
  for (const Cpu& cpu : machine.cpus) cpus.push_back(cpu.number);
  return cpus;
}

// Unbound ranks, whose GPUs are at these nodes.
std::vector<RankPlace> unbound(const CpuTopology& machine, const std::vector<int>& gpu_nodes) {
  std::vector<RankPlace> ranks;
  for (const int node : gpu_nodes) ranks.push_back({all_cpus(machine), node});
  return ranks;
}
std::vector<RankPlace> without_gpus(const CpuTopology& machine, size_t count) {
  return unbound(machine, std::vector<int>(count, -1));
}

TEST(CorePlan, GivesEachRankAnEqualPart) {
  const CpuTopology machine = machine_of(1, 8);
  const CorePlan plan = plan_cores("auto", machine, without_gpus(machine, 4));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4, 5),
                                     ElementsAre(6, 7)));
  EXPECT_EQ(plan.what, "each of the 4 ranks of the node takes 2 cores of 8");
}

TEST(CorePlan, KeepsHyperthreadsOfACoreTogether) {
  const CpuTopology machine = machine_of(1, 4, 2);
  EXPECT_THAT(plan_cores("auto", machine, without_gpus(machine, 2)).cpus,
              ElementsAre(ElementsAre(0, 1, 4, 5), ElementsAre(2, 3, 6, 7)));
}

TEST(CorePlan, KeepsARankWithinItsNumaNode) {
  const CpuTopology machine = machine_of(2, 9);
  const CorePlan plan = plan_cores("auto", machine, without_gpus(machine, 4));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(0, 1, 2, 3), ElementsAre(4, 5, 6, 7),
                                     ElementsAre(9, 10, 11, 12), ElementsAre(13, 14, 15, 16)));
}

TEST(CorePlan, IsTheSamePartForRanksWithoutGpusOnUnequalNodes) {
  CpuTopology machine = machine_of(2, 4);
  machine.cpus.pop_back();  // four and three cores
  const CorePlan plan = plan_cores("auto", machine, without_gpus(machine, 2));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(0, 1, 2), ElementsAre(4, 5, 6)));
}

TEST(CorePlan, PutsRanksNearTheirGpus) {
  const CpuTopology machine = machine_of(2, 4);
  const CorePlan plan = plan_cores("auto", machine, unbound(machine, {1, 0, 1, 0}));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(4, 5), ElementsAre(0, 1), ElementsAre(6, 7),
                                     ElementsAre(2, 3)));
  EXPECT_THAT(plan.what, HasSubstr("near its GPU"));
}

TEST(CorePlan, GivesLoneGpusOfANodeMoreOfIt) {
  const CpuTopology machine = machine_of(2, 6);
  const CorePlan plan = plan_cores("auto", machine, unbound(machine, {0, 0, 1}));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3, 4, 5),
                                     ElementsAre(6, 7, 8, 9, 10, 11)));
  EXPECT_THAT(plan.what, HasSubstr("3 to 6 cores of 12"));
}

TEST(CorePlan, LeavesTheGpusNodeWhereAnotherWouldBeIdle) {
  const CpuTopology machine = machine_of(2, 4);
  const CorePlan plan = plan_cores("auto", machine, unbound(machine, {0, 0}));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(0, 1, 2, 3), ElementsAre(4, 5, 6, 7)));
  EXPECT_THAT(plan.what, testing::Not(HasSubstr("near")));
}

TEST(CorePlan, IgnoresANodeOfTheGpuThatHasNoCpuForTheJob) {
  const CpuTopology machine = machine_of(2, 4);
  std::vector<RankPlace> ranks(2, RankPlace{{0, 1, 2, 3}, 1});  // the cpuset is node 0's
  const CorePlan plan = plan_cores("auto", machine, ranks);
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
  EXPECT_THAT(plan.what, testing::Not(HasSubstr("near")));
}

TEST(CorePlan, GivesOutTheCpusOfTheMaskAlone) {
  const CpuTopology machine = machine_of(1, 8, 2);
  const std::vector<RankPlace> ranks(2, RankPlace{{2, 3, 10, 11, 40}, -1});
  EXPECT_THAT(plan_cores("auto", machine, ranks).cpus,
              ElementsAre(ElementsAre(2, 10), ElementsAre(3, 11)));
}

TEST(CorePlan, LeavesOneRankAndNoneAlone) {
  const CpuTopology machine = machine_of(1, 8);
  for (const char* bind : {"auto", "core", "numa", "none"}) {
    const CorePlan plan = plan_cores(bind, machine, without_gpus(machine, 1));
    EXPECT_THAT(plan.cpus, IsEmpty()) << bind;
    EXPECT_EQ(plan.what, "") << bind;
  }
  const CorePlan none = plan_cores("none", machine, without_gpus(machine, 4));
  EXPECT_THAT(none.cpus, IsEmpty());
  EXPECT_EQ(none.what, "");
}

TEST(CorePlan, LeavesWhatTheLauncherBound) {
  const CpuTopology machine = machine_of(1, 4);
  const std::vector<RankPlace> ranks = {{{0, 1}, -1}, {{2, 3}, -1}};
  for (const char* bind : {"auto", "core", "numa"}) {
    const CorePlan plan = plan_cores(bind, machine, ranks);
    EXPECT_THAT(plan.cpus, IsEmpty()) << bind;
    EXPECT_FALSE(plan.refused) << bind;
    EXPECT_THAT(plan.what, HasSubstr("the launcher has bound")) << bind;
  }
}

TEST(CorePlan, RefusesCoreWhereTheLauncherLetRanksOverlap) {
  const CpuTopology machine = machine_of(1, 4);
  const std::vector<RankPlace> ranks = {{{0, 1, 2}, -1}, {{2, 3}, -1}};
  EXPECT_TRUE(plan_cores("core", machine, ranks).refused);
  EXPECT_FALSE(plan_cores("auto", machine, ranks).refused);
}

TEST(CorePlan, LeavesRanksThatAreMoreThanCoresAndRefusesCoreForThem) {
  const CpuTopology machine = machine_of(1, 2);
  const CorePlan plan = plan_cores("auto", machine, without_gpus(machine, 3));
  EXPECT_THAT(plan.cpus, IsEmpty());
  EXPECT_FALSE(plan.refused);
  EXPECT_EQ(plan.what, "the 3 ranks of the node share 2 cores, fewer than one each");
  EXPECT_TRUE(plan_cores("core", machine, without_gpus(machine, 3)).refused);
}

TEST(CorePlan, LeavesAtMostAQuarterIdleUnlessCoreIsAskedFor) {
  const CpuTopology eight = machine_of(1, 8);
  EXPECT_EQ(plan_cores("auto", eight, without_gpus(eight, 6)).cpus.size(), 6U) << "a quarter";
  EXPECT_THAT(plan_cores("auto", eight, without_gpus(eight, 5)).cpus, IsEmpty());
  EXPECT_THAT(
      plan_cores("core", eight, without_gpus(eight, 5)).cpus,
      ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3), ElementsAre(4)));
}

TEST(CorePlan, NumaGivesWholeNodes) {
  const CpuTopology machine = machine_of(2, 2, 2);
  const CorePlan plan = plan_cores("numa", machine, unbound(machine, {1, 0, 1, -1}));
  EXPECT_THAT(plan.cpus, ElementsAre(ElementsAre(2, 3, 6, 7), ElementsAre(0, 1, 4, 5),
                                     ElementsAre(2, 3, 6, 7), ElementsAre(0, 1, 4, 5)));
  const CpuTopology one = machine_of(1, 4);
  const CorePlan left = plan_cores("numa", one, without_gpus(one, 2));
  EXPECT_THAT(left.cpus, IsEmpty());
  EXPECT_FALSE(left.refused);
  EXPECT_THAT(left.what, HasSubstr("one NUMA node"));
}

TEST(CorePlan, RefusesNumaWhereTheLauncherBoundAcrossNodes) {
  const CpuTopology machine = machine_of(2, 2);
  EXPECT_TRUE(plan_cores("numa", machine, {{{1, 2}, -1}, {{0, 3}, -1}}).refused);
  EXPECT_FALSE(plan_cores("numa", machine, {{{0, 1}, -1}, {{2, 3}, -1}}).refused);
}

// Whatever the machine: each rank has CPUs, of its mask, and no two share one.
TEST(CorePlan, NeverGivesACpuTwice) {
  for (int nodes = 1; nodes <= 4; ++nodes) {
    for (int cores = 1; cores <= 9; ++cores) {
      for (int threads = 1; threads <= 2; ++threads) {
        const CpuTopology machine = machine_of(nodes, cores, threads);
        for (int ranks = 2; ranks <= nodes * cores; ++ranks) {
          std::vector<int> gpu_nodes;
          for (int r = 0; r < ranks; ++r) gpu_nodes.push_back(r * 7 % (nodes + 1) - 1);
          for (const auto& places :
               {without_gpus(machine, static_cast<size_t>(ranks)), unbound(machine, gpu_nodes)}) {
            const CorePlan plan = plan_cores("core", machine, places);
            ASSERT_EQ(plan.cpus.size(), static_cast<size_t>(ranks));
            std::set<int> taken;
            for (const std::vector<int>& cpus : plan.cpus) {
              ASSERT_FALSE(cpus.empty());
              for (const int cpu : cpus) ASSERT_TRUE(taken.insert(cpu).second) << cpu;
            }
          }
        }
      }
    }
  }
}

TEST(CorePlan, OfASystemThatTellsNothingIsNone) {
  const CorePlan plan = plan_cores("auto", machine_of(1, 2), {{{}, -1}, {{}, -1}});
  EXPECT_THAT(plan.cpus, IsEmpty());
  EXPECT_FALSE(plan.refused);
}

}  // namespace
}  // namespace catamaran
