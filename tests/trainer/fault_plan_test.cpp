#include "trainer/fault_plan.h"

#include <gmock/gmock.h>

#include "support/error.h"

namespace catamaran {
namespace {

TEST(FaultPlan, IsReadPartByPart) {
  const std::vector<PlannedFault> faults =
      parse_faults("rank=1,step=7,kind=sleep; rank=0, step=9, kind=scale_loss, value=1e4;");
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults[0].rank, 1);
  EXPECT_EQ(faults[0].step, 7);
  EXPECT_EQ(faults[0].kind, "sleep");
  EXPECT_EQ(faults[1].value, 1e4);
  EXPECT_TRUE(parse_faults("").empty());
}

TEST(FaultPlan, IsRefusedWithTheWrongPart) {
  for (const char* text : {"kind=sleep", "rank=1,step=7,kind=nap", "rank=x,step=7,kind=sleep",
                           "step=7", "rank=1,step=7,kind=sleep,when=now",
                           "rank=1,step=7,kind=hoard,value=-1", "rank=1,step=7,kind=slow,value=1e9",
                           "rank=-1,step=7,kind=exit", "rank=1,step=1,kind=scale_loss,value=inf"}) {
    try {
      parse_faults(text);
      ADD_FAILURE() << text;
    } catch (const UsageError& problem) {
      EXPECT_THAT(problem.what(), testing::HasSubstr(text));
    }
  }
}

TEST(FaultPlan, KnowsFaultsOfTheExchangeAndOfStatistics) {
  for (const char* kind : {"skip_bucket", "swap_buckets", "cut_bucket", "flip_buffer"})
    EXPECT_EQ(parse_faults(std::string("rank=1,step=7,kind=") + kind).at(0).kind, kind);
}

TEST(FaultPlan, NeedsToBeEnabled) {
  EXPECT_TRUE(TestingOptions{}.problems().empty());
  EXPECT_EQ(
      (TestingOptions{.enabled = false, .fault = "rank=0,step=1,kind=exit"}.problems().size()), 1U);
  EXPECT_TRUE(
      (TestingOptions{.enabled = true, .fault = "rank=0,step=1,kind=exit"}.problems().empty()));
}

}  // namespace
}  // namespace catamaran
