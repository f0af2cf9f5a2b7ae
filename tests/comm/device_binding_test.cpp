#include "comm/device_binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RankDevices rank_on(const std::string& host, const std::vector<std::string>& pci_bus_ids,
                    const std::string& reason = "") {
  return {host, {pci_bus_ids, reason}};
}

TEST(DeviceBinding, GivesRanksThatSeeAllGpusOfTheirNodeOneEach) {
  const std::vector<std::string> four = {"0:1", "0:2", "0:3", "0:4"};
  const DeviceBinding binding =
      bind_ranks("auto", {rank_on("a", four), rank_on("a", four), rank_on("b", four),
                          rank_on("b", four), rank_on("a", four)});
  EXPECT_THAT(binding.gpu, ElementsAre(0, 1, 0, 1, 2));
  EXPECT_THAT(binding.without_gpu, IsEmpty());
}

TEST(DeviceBinding, ObeysALauncherThatShowsEachRankItsOwn) {
  EXPECT_THAT(bind_ranks("nccl", {rank_on("a", {"0:1"}), rank_on("a", {"0:2"})}).gpu,
              ElementsAre(0, 0));
  EXPECT_THAT(bind_ranks("nccl", {rank_on("a", {"0:1", "0:2"}), rank_on("a", {"0:3", "0:4"})}).gpu,
              ElementsAre(0, 0));
}

TEST(DeviceBinding, TakesTheSameBusIdOfTwoHostsForTwoGpus) {
  EXPECT_THAT(bind_ranks("auto", {rank_on("a", {"0:1"}), rank_on("b", {"0:1"})}).gpu,
              ElementsAre(0, 0));
}

TEST(DeviceBinding, ComputesOnTheCpuEverywhereWhenTwoRanksSeeOneGpuAndSaysWhy) {
  const DeviceBinding binding = bind_ranks("auto", {rank_on("a", {"0:1"}), rank_on("a", {"0:1"})});
  EXPECT_THAT(binding.gpu, IsEmpty());
  EXPECT_TRUE(binding.gpus_unused);
  EXPECT_EQ(binding.without_gpu,
            "rank 1 on a has none: the 1 GPU(s) it sees are taken by other ranks");
}

TEST(DeviceBinding, ComputesOnTheCpuEverywhereWhenOneRankSeesNoGpu) {
  const DeviceBinding binding =
      bind_ranks("auto", {rank_on("a", {"0:1"}), rank_on("b", {}, "CUDA says 'no driver'")});
  EXPECT_THAT(binding.gpu, IsEmpty());
  EXPECT_TRUE(binding.gpus_unused);
  EXPECT_EQ(binding.without_gpu, "rank 1 on b has none: CUDA says 'no driver'");
}

TEST(DeviceBinding, HasNothingToRegretOnAMachineWithoutGpus) {
  const DeviceBinding binding = bind_ranks("auto", {rank_on("a", {}), rank_on("a", {})});
  EXPECT_THAT(binding.gpu, IsEmpty());
  EXPECT_FALSE(binding.gpus_unused);
}

TEST(DeviceBinding, LeavesGpusAloneWhenMpiIsAskedFor) {
  const DeviceBinding binding = bind_ranks("mpi", {rank_on("a", {"0:1"})});
  EXPECT_THAT(binding.gpu, IsEmpty());
  EXPECT_FALSE(binding.gpus_unused);
}

TEST(DeviceBinding, RefusesNcclInOneSentenceThatNamesTheRank) {
  try {
    bind_ranks("nccl", {rank_on("a", {"0:1"}), rank_on("a", {"0:1"})});
    FAIL() << "two ranks were put on one GPU";
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("comm.backend"));
    EXPECT_THAT(problem.what(), HasSubstr("rank 1 on a has none"));
    EXPECT_THAT(problem.what(), HasSubstr("start one rank per GPU"));
    EXPECT_EQ(std::string(problem.what()).find('\n'), std::string::npos);
  }
}

TEST(Threads, ShareTheCoresAmongTheRanksThatMayRunOnThem) {
  EXPECT_EQ(threads_for(0, 8, 2), 4);
  EXPECT_EQ(threads_for(0, 2, 3), 1);
  EXPECT_EQ(threads_for(5, 8, 2), 5);
}

}  // namespace
}  // namespace catamaran
