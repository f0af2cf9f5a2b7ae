#include "comm/backend_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const RankDevice kOnA = {"a", true, false, ""};
const RankDevice kNone = {"a", false, false, "no GPU is visible"};
const RankDevice kBroken = {"b", false, true, "CUDA says 'unknown error'"};

std::string refusal(const std::string& backend, const std::vector<RankDevice>& ranks) {
  try {
    choose_backend(backend, ranks);
  } catch (const UsageError& problem) {
    return problem.what();
  }
  return "no UsageError";
}

TEST(ChooseBackend, TakesTheGpusWhereEveryRankHasOne) {
  for (const char* backend : {"auto", "nccl"})
    EXPECT_TRUE(choose_backend(backend, {kOnA, kOnA}).gpus) << backend;
  EXPECT_FALSE(choose_backend("mpi", {kOnA, kOnA}).gpus);
}

TEST(ChooseBackend, AutoTakesTheCpuInSilenceWhereThereIsNoGpuAndNoFailure) {
  const BackendChoice choice = choose_backend("auto", {kNone, kNone});
  EXPECT_FALSE(choice.gpus);
  EXPECT_EQ(choice.warning, "");
}

TEST(ChooseBackend, AutoWarnsWithCudasWordsWhereADriverFailed) {
  const BackendChoice choice = choose_backend("auto", {kNone, kBroken});
  EXPECT_FALSE(choice.gpus);
  EXPECT_THAT(choice.warning, HasSubstr("on b CUDA says 'unknown error'"));
}

TEST(ChooseBackend, AutoRefusesAJobOfWhichOnlySomeRanksHaveAGpuAndNamesThem) {
  const std::vector<RankDevice> ranks = {kOnA, kOnA, kBroken, kBroken};
  const std::string text = refusal("auto", ranks);
  EXPECT_THAT(text, HasSubstr("rank 2 to 3 on b (CUDA says 'unknown error')"));
  EXPECT_THAT(text, HasSubstr("comm.backend = \"mpi\""));
  EXPECT_FALSE(choose_backend("mpi", ranks).gpus) << "the deliberate choice";
}

TEST(ChooseBackend, NamesRanksBeyondTheGpusOfANode) {
  std::vector<RankDevice> ranks(4, kOnA);
  ranks.resize(8, {"a", false, false, "local rank 4 finds only 4 GPUs for 8 ranks on this node"});
  EXPECT_THAT(refusal("auto", ranks), HasSubstr("rank 4 to 7 on a (local rank 4 finds only 4"));
}

TEST(ChooseBackend, NcclNeedsAGpuForEveryRank) {
  EXPECT_THAT(refusal("nccl", {kNone}), HasSubstr("nccl needs a GPU for every rank"));
  EXPECT_THAT(refusal("nccl", {kOnA, kBroken}), HasSubstr("rank 1 on b (CUDA says"));
}

TEST(ChooseBackend, TakesTheNodesMemoryWhereAllRanksShareIt) {
  EXPECT_TRUE(choose_backend("auto", {kNone, kNone}).node);
  EXPECT_TRUE(choose_backend("node", {kOnA, kOnA}).node);
  EXPECT_FALSE(choose_backend("node", {kOnA, kOnA}).gpus) << "the deliberate choice";
  EXPECT_FALSE(choose_backend("mpi", {kNone, kNone}).node);
  EXPECT_FALSE(choose_backend("auto", {kNone, {"b", false, false, ""}}).node);
  EXPECT_THAT(refusal("node", {kNone, kNone, {"b", false, false, ""}}),
              HasSubstr("rank 0 is on a, rank 2 on b"));
}

TEST(ChooseBackend, NamesAFewHostsOfManyAndCountsTheRest) {
  std::vector<RankDevice> ranks = {kOnA};
  for (int host = 0; host < 9; ++host)
    ranks.push_back({"node" + std::to_string(host), false, false, "no GPU is visible"});
  EXPECT_THAT(refusal("auto", ranks), HasSubstr("and 5 more"));
  EXPECT_THAT(refusal("auto", ranks), Not(HasSubstr("node7")));
}

}  // namespace
}  // namespace catamaran
