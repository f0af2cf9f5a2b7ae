#include "comm/core_binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "comm/own_cpus.h"
#include "mpi_test_environment.h"
#include "support/cpu_topology.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

CoreBinding bound(const std::string& host, const std::string& bind) {
  return bind_cores(test_group()->host(), host, bind, "");
}

TEST(CoreBinding, LeavesARankThatIsAloneOnItsHost) {
  const std::vector<int> before = own_cpus();
  const CoreBinding binding = bound("host" + std::to_string(test_group()->rank()), "core");
  EXPECT_EQ(binding.cpus, cpu_list_text(before));
  EXPECT_EQ(binding.what, "");
  EXPECT_EQ(own_cpus(), before);
}

TEST(CoreBinding, NoneChangesNothing) {
  const std::vector<int> before = own_cpus();
  EXPECT_EQ(bound("here", "none").what, "");
  EXPECT_EQ(own_cpus(), before);
}

// The group of these tests has bound its ranks already, where there are cores enough.
TEST(CoreBinding, CoreGivesEachRankCpusOfItsOwnOrEndsInOneSentenceOnAll) {
  std::string refusal;
  try {
    bound("here", "core");
  } catch (const UsageError& problem) {
    refusal = problem.what();
  }
  int64_t refused = refusal.empty() ? 0 : 1;
  test_group()->host().all_reduce(&refused, 1, DataType::kInt64, ReduceOp::kSum);
  EXPECT_TRUE(refused == 0 || refused == test_group()->world()) << "all or none";
  if (refused > 0) {
    EXPECT_THAT(refusal, HasSubstr("comm.bind: 'core' cannot be had on here: the "));
    EXPECT_EQ(refusal.find('\n'), std::string::npos);
    return;
  }
  std::set<int> taken;
  for (const std::string& cpus : test_group()->all_gather(cpu_list_text(own_cpus()))) {
    for (const int cpu : *parse_cpu_list(cpus)) EXPECT_TRUE(taken.insert(cpu).second) << cpu;
  }
}

TEST(OwnCpus, OfThisProcessCanBeTakenAgainAndOthersCannot) {
  const std::vector<int> before = own_cpus();
  ASSERT_FALSE(before.empty());
  EXPECT_TRUE(take_cpus(before));
  EXPECT_EQ(own_cpus(), before);
  EXPECT_FALSE(take_cpus({}));
  EXPECT_FALSE(take_cpus({-1}));
  EXPECT_FALSE(take_cpus({1 << 14}));
  EXPECT_FALSE(take_cpus({(1 << 14) - 1})) << "no machine has so many";
  EXPECT_EQ(own_cpus(), before);
}

}  // namespace
}  // namespace catamaran
