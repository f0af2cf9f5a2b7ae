#include "launch/doctor_ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// On a node of 64 CPUs, of which it has eight.
RankFacts rank_on(const std::string& host, int rank) {
  RankFacts facts;
  facts.rank = rank;
  facts.host = host;
  facts.versions = {{"program", "0.1.0 (abc)"}, {"LibTorch", "2.15.0"}, {"NCCL", "2.30.7"}};
  facts.processor = "a processor";
  facts.machine_cpus = 64;
  for (int i = 0; i < 8; ++i) facts.cpus.push_back(rank % 8 * 8 + i);
  facts.numa_nodes = {0};
  facts.resources = {.locked_memory_bytes = -1,
                     .open_files = 65536,
                     .memory_bytes = int64_t{512} << 30,
                     .shared_memory_bytes = int64_t{256} << 30,
                     .shared_memory_free_bytes = int64_t{256} << 30,
                     .shared_memory_is_writable = true,
                     .has_infiniband = false};
  facts.gpus.driver_version = 13020;
  facts.gpus.runtime_version = 13020;
  return facts;
}

void show_gpus(RankFacts& rank, const std::vector<std::string>& ids,
               const std::string& name = "H100") {
  for (const std::string& id : ids) {
    rank.gpus.gpus.push_back(
        {.pci_bus_id = id, .name = name, .memory_bytes = int64_t{80} << 30, .has_ecc = true});
    rank.gpus.visible.pci_bus_ids.push_back(id);
    rank.gpu_numa_nodes.push_back(0);
  }
}

std::vector<RankFacts> ranks_with_gpus(size_t count, const std::vector<std::string>& ids) {
  std::vector<RankFacts> ranks;
  for (size_t r = 0; r < count; ++r) {
    ranks.push_back(rank_on("a", static_cast<int>(r)));
    show_gpus(ranks.back(), ids);
  }
  return ranks;
}

// Those that are not fine.
std::vector<LocatedFinding> remarks(std::vector<LocatedFinding> found) {
  std::erase_if(found,
                [](const LocatedFinding& one) { return one.finding.level == FindingLevel::kOk; });
  return found;
}

TEST(ComparePrograms, IsFineWhereAllAreAlike) {
  EXPECT_THAT(remarks(compare_programs({rank_on("a", 0), rank_on("b", 1)})), IsEmpty());
}

TEST(ComparePrograms, NamesTheRankWhoseLibraryIsAnother) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("b", 1), rank_on("b", 2)};
  ranks[2].versions["NCCL"] = "2.29.3";
  const auto found = remarks(compare_programs(ranks));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rank, 2);
  EXPECT_EQ(found[0].host, "b");
  EXPECT_EQ(found[0].finding.level, FindingLevel::kFail);
  EXPECT_EQ(found[0].finding.what, "NCCL is 2.29.3, and 2.30.7 on rank 0 (a)");
  ranks[2].versions.erase("NCCL");
  EXPECT_THAT(remarks(compare_programs(ranks))[0].finding.what, HasSubstr("NCCL is unknown"));
}

TEST(ComparePrograms, NotesAnotherProcessor) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("b", 1)};
  ranks[1].processor = "an older one";
  EXPECT_EQ(remarks(compare_programs(ranks))[0].finding.level, FindingLevel::kNote);
}

TEST(JudgeGpus, IsFineWithOneForEachRankOrNoneForAny) {
  EXPECT_THAT(remarks(judge_gpus(ranks_with_gpus(2, {"0:1", "0:2"}), "auto")), IsEmpty());
  EXPECT_THAT(remarks(judge_gpus({rank_on("a", 0), rank_on("a", 1)}, "auto")), IsEmpty());
  EXPECT_THAT(remarks(judge_gpus(ranks_with_gpus(3, {"0:1"}), "mpi")), IsEmpty()) << "the CPU";
}

TEST(JudgeGpus, ForbidsTwoRanksOnOneGpu) {
  const auto found = remarks(judge_gpus(ranks_with_gpus(2, {"0:1"}), "auto"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rank, 1);
  EXPECT_EQ(found[0].finding.level, FindingLevel::kFail);
  EXPECT_THAT(found[0].finding.what, HasSubstr("taken by other ranks"));
}

TEST(JudgeGpus, ForbidsARankWithoutAGpuAmongOthersWithOne) {
  std::vector<RankFacts> ranks = ranks_with_gpus(1, {"0:1"});
  ranks.push_back(rank_on("b", 1));
  ranks[1].gpus.visible.reason = "CUDA says 'no CUDA-capable device is detected'";
  const auto found = remarks(judge_gpus(ranks, "auto"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].host, "b");
  EXPECT_THAT(found[0].finding.what,
              AllOf(HasSubstr("no GPU and others have"), HasSubstr("no CUDA-capable device")));
}

TEST(JudgeGpus, ForbidsADriverThatFailsThoughAllCouldComputeOnTheCpu) {
  std::vector<RankFacts> ranks = {rank_on("a", 0)};
  ranks[0].gpus.visible.driver_failed = true;
  ranks[0].gpus.visible.reason = "CUDA says 'driver version is insufficient'";
  const auto found = remarks(judge_gpus(ranks, "auto"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.level, FindingLevel::kFail);
  EXPECT_THAT(found[0].finding.what, HasSubstr("driver version is insufficient"));
}

TEST(JudgeGpus, ForbidsNcclWithoutAGpu) {
  const auto found = remarks(judge_gpus({rank_on("a", 0)}, "nccl"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].finding.todo, HasSubstr("comm.backend"));
}

TEST(JudgeGpus, WarnsWhereEachRankSeesItsOwnGpuAlone) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("a", 1)};
  show_gpus(ranks[0], {"0:1"});
  show_gpus(ranks[1], {"0:2"});
  const auto found = remarks(judge_gpus(ranks, "auto"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.topic, "gpu-visibility");
  EXPECT_EQ(found[0].finding.level, FindingLevel::kWarn);
  EXPECT_THAT(remarks(judge_gpus({ranks[0]}, "auto")), IsEmpty()) << "one rank has nobody to reach";
}

TEST(JudgeGpus, NotesGpusThatStayIdle) {
  const auto found = remarks(judge_gpus(ranks_with_gpus(2, {"0:1", "0:2", "0:3"}), "auto"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.what, "3 GPUs of the node for 2 rank(s)");
}

TEST(JudgeGpus, WarnsOfAnotherModelAndOfEccThatIsOff) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("b", 1)};
  show_gpus(ranks[0], {"0:1"});
  show_gpus(ranks[1], {"0:1"}, "A100");
  ranks[1].gpus.gpus[0].has_ecc = false;
  const auto found = remarks(judge_gpus(ranks, "auto"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.topic, "gpu-ecc");
  EXPECT_EQ(found[1].finding.what, "the GPU is a A100, and others are H100");
}

TEST(JudgeGpus, WarnsOfCpusFarFromTheGpu) {
  std::vector<RankFacts> ranks = ranks_with_gpus(1, {"0:1"});
  ranks[0].gpu_numa_nodes = {1};
  auto found = remarks(judge_gpus(ranks, "auto"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.topic, "gpu-numa");
  ranks[0].numa_nodes = {0, 1};
  EXPECT_THAT(remarks(judge_gpus(ranks, "auto")), IsEmpty()) << "unbound";
  ranks[0].numa_nodes = {0};
  ranks[0].gpu_numa_nodes = {-1};
  EXPECT_THAT(remarks(judge_gpus(ranks, "auto")), IsEmpty()) << "nobody knows";
}

TEST(SpareGpus, AreThoseOfANodeThatNoRankTakesEachOnce) {
  std::vector<RankFacts> ranks = ranks_with_gpus(2, {"0:1", "0:2", "0:3", "0:4"});
  ranks.push_back(rank_on("b", 2));
  show_gpus(ranks[2], {"0:1", "0:2"});
  EXPECT_EQ(spare_gpus(ranks), (std::vector<std::vector<int>>{{2, 3}, {}, {1}}));
  EXPECT_EQ(spare_gpus({rank_on("a", 0)}), (std::vector<std::vector<int>>{{}}));
}

TEST(JudgeCpus, WarnsOfFewerThanTheThreadsThatAreAskedFor) {
  EXPECT_THAT(remarks(judge_cpus({rank_on("a", 0), rank_on("a", 1)}, 8)), IsEmpty());
  const auto found = remarks(judge_cpus({rank_on("a", 0), rank_on("a", 1)}, 9));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(found[0].finding.what, HasSubstr("comm.threads_per_rank = 9"));
  EXPECT_THAT(found[0].finding.todo, HasSubstr("--cpus-per-task"));
}

TEST(JudgeCpus, WarnsOfOneCpuEachWhereTheNodeHasMore) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("a", 1)};
  ranks[0].cpus = {0};
  ranks[1].cpus = {1};
  EXPECT_THAT(remarks(judge_cpus(ranks, 0))[0].finding.what, HasSubstr("take turns"));
  ranks[0].machine_cpus = ranks[1].machine_cpus = 2;
  EXPECT_THAT(remarks(judge_cpus(ranks, 0)), IsEmpty()) << "there are no more";
}

TEST(JudgeCpus, WarnsOfMoreRanksThanCpusTheyShare) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("a", 1), rank_on("a", 2)};
  for (RankFacts& rank : ranks) rank.cpus = {0, 1};
  EXPECT_EQ(remarks(judge_cpus(ranks, 0)).size(), 3U);
  ranks.pop_back();
  EXPECT_THAT(remarks(judge_cpus(ranks, 0)), IsEmpty());
  ranks[1].host = "b";
  EXPECT_THAT(remarks(judge_cpus(ranks, 2)), IsEmpty()) << "of another host";
}

TEST(JudgeHosts, HearsOfEachHostTheRankThatHasMostToSay) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("a", 1), rank_on("b", 2)};
  ranks[1].of_host = {warning("host-name", "leads nowhere", "mend it"), fine("numa", "one")};
  ranks[0].of_host = {fine("numa", "one")};
  ranks[0].of_rank = {failure("nccl", "none", "look")};
  const auto found = remarks(judge_hosts(ranks));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.topic, "host-name");
  EXPECT_EQ(found[0].rank, 1);
  EXPECT_EQ(found[1].finding.topic, "nccl");
}

TEST(JudgeHosts, SharesLimitsAmongTheRanksOfTheHost) {
  std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("a", 1)};
  for (RankFacts& rank : ranks) rank.resources.memory_bytes = int64_t{3} << 30;
  const auto found = remarks(judge_hosts(ranks));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.topic, "memory");
}

TEST(JudgeClocks, WarnsOfMoreThanASecondOncePerHost) {
  const std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("b", 1), rank_on("b", 2),
                                        rank_on("c", 3)};
  const auto found = remarks(judge_clocks(ranks, {0, 1.5, 1.5, -1}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].host, "b");
  EXPECT_EQ(found[0].finding.what, "the clock is 1.5 s ahead of that of rank 0 (a)");
  EXPECT_THAT(remarks(judge_clocks(ranks, {0, -7, -7, 0}))[0].finding.what,
              HasSubstr("7.0 s behind that of rank 0"));
}

TEST(JudgeSpeeds, WarnsOfADeviceThatHoldsTheOthersUp) {
  const std::vector<RankFacts> ranks = {rank_on("a", 0), rank_on("a", 1), rank_on("b", 2)};
  EXPECT_THAT(remarks(judge_speeds(ranks, {100e9, 71e9, 110e9})), IsEmpty());
  const auto found = remarks(judge_speeds(ranks, {100e9, 69e9, 110e9}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rank, 1);
  EXPECT_THAT(found[0].finding.what, HasSubstr("69 % of the ranks' median"));
  EXPECT_THAT(remarks(judge_speeds({rank_on("a", 0)}, {1e9})), IsEmpty());
}

TEST(RankFacts, GoThroughJsonAndBack) {
  RankFacts facts = rank_on("n17", 3);
  show_gpus(facts, {"0000:41:00.0", "0000:C1:00.0"});
  facts.gpu_numa_nodes = {0, -1};
  facts.gpus.visible.reason = "a reason";
  facts.gpus.visible.driver_failed = true;
  facts.of_host = {warning("host-name", "x", "y")};
  facts.of_rank = {fine("nccl", "NCCL 2.30.7")};
  const nlohmann::json json = facts_json(facts);
  const RankFacts back = facts_of_json(json.dump());
  EXPECT_EQ(facts_json(back), json);
  EXPECT_EQ(back.rank, 3);
  EXPECT_EQ(back.gpus.visible.pci_bus_ids, facts.gpus.visible.pci_bus_ids);
  EXPECT_EQ(back.of_host, facts.of_host);
  EXPECT_EQ(back.resources.memory_bytes, facts.resources.memory_bytes);
}

TEST(RankFacts, OfAnotherProgramAreRefused) {
  EXPECT_THROW(facts_of_json("{}"), DataError);
  EXPECT_THROW(facts_of_json("no JSON"), DataError);
  nlohmann::json json = facts_json(rank_on("a", 0));
  json["cpus"] = "all";
  EXPECT_THROW(facts_of_json(json.dump()), DataError);
}

}  // namespace
}  // namespace catamaran
