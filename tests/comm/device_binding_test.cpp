#include "comm/device_binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::ElementsAre;

RankDevices rank_on(const std::string& host, const std::vector<std::string>& pci_bus_ids,
                    const std::string& reason = "") {
  return {host, {pci_bus_ids, reason, false}};
}

TEST(DeviceBinding, GivesRanksThatSeeAllGpusOfTheirNodeOneEach) {
  const std::vector<std::string> four = {"0:1", "0:2", "0:3", "0:4"};
  EXPECT_THAT(assign_gpus({rank_on("a", four), rank_on("a", four), rank_on("b", four),
                           rank_on("b", four), rank_on("a", four)}),
              ElementsAre(0, 1, 0, 1, 2));
}

TEST(DeviceBinding, ObeysALauncherThatShowsEachRankItsOwn) {
  EXPECT_THAT(assign_gpus({rank_on("a", {"0:1"}), rank_on("a", {"0:2"})}), ElementsAre(0, 0));
  EXPECT_THAT(assign_gpus({rank_on("a", {"0:1", "0:2"}), rank_on("a", {"0:3", "0:4"})}),
              ElementsAre(0, 0));
}

TEST(DeviceBinding, TakesTheSameBusIdOfTwoHostsForTwoGpus) {
  EXPECT_THAT(assign_gpus({rank_on("a", {"0:1"}), rank_on("b", {"0:1"})}), ElementsAre(0, 0));
}

TEST(DeviceBinding, LeavesARankWithoutRatherThanPutTwoOnOneGpuAndSaysWhy) {
  const std::vector<RankDevices> ranks = {rank_on("a", {"0:1"}), rank_on("a", {"0:1"}),
                                          rank_on("b", {}, "CUDA says 'no driver'"),
                                          rank_on("b", {})};
  EXPECT_THAT(assign_gpus(ranks), ElementsAre(0, -1, -1, -1));
  EXPECT_EQ(why_without_gpu(ranks[1].visible), "the 1 GPU(s) it sees are taken by other ranks");
  EXPECT_EQ(why_without_gpu(ranks[2].visible), "CUDA says 'no driver'");
  EXPECT_EQ(why_without_gpu(ranks[3].visible), "no GPU is visible");
}

TEST(Threads, ShareTheCoresAmongTheRanksThatMayRunOnThem) {
  EXPECT_EQ(threads_for(0, 8, 2), 4);
  EXPECT_EQ(threads_for(0, 2, 3), 1);
  EXPECT_EQ(threads_for(5, 8, 2), 5);
}

}  // namespace
}  // namespace catamaran
