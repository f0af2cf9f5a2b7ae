#include "trainer/time_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TimeLimit, KeepsTwoCheckpointsAndTwoStepsFree) {
  TimeLimit limit(1000, 0);
  limit.step_took(3);
  limit.checkpoint_took(20);
  EXPECT_DOUBLE_EQ(limit.margin(false).seconds(), 46);
  EXPECT_FALSE(limit.must_stop(953.9));
  EXPECT_TRUE(limit.must_stop(954));
  EXPECT_TRUE(limit.must_stop(2000));
}

TEST(TimeLimit, TakesTheLongestOfAllCheckpointsAndEvaluations) {
  TimeLimit limit(1000, 0);
  for (const double seconds : {2.0, 5.0, 1.0}) {
    limit.checkpoint_took(seconds);
    limit.evaluation_took(10 * seconds);
  }
  EXPECT_DOUBLE_EQ(limit.margin(false).checkpoint, 5);
  EXPECT_DOUBLE_EQ(limit.margin(true).evaluation, 50);
}

TEST(TimeLimit, ForgetsAStepThatIsMoreThanFiftyStepsOld) {
  TimeLimit limit(1000, 0);
  limit.checkpoint_took(1);
  limit.step_took(60);
  for (int step = 0; step < 49; ++step) limit.step_took(0.5);
  EXPECT_DOUBLE_EQ(limit.margin(false).step, 60);
  limit.step_took(0.25);
  EXPECT_DOUBLE_EQ(limit.margin(false).step, 0.5);
}

TEST(TimeLimit, CountsAnEvaluationOnlyWhereOneComesNext) {
  TimeLimit limit(1000, 0);
  limit.checkpoint_took(10);
  limit.evaluation_took(100);
  EXPECT_FALSE(limit.must_stop(900, false));
  EXPECT_TRUE(limit.must_stop(900, true)) << "it would end after the limit";
  EXPECT_FALSE(limit.must_stop(879, true));
}

TEST(TimeLimit, AssumesThirtySecondsUntilACheckpointHasEnded) {
  TimeLimit limit(3600, 0);
  EXPECT_DOUBLE_EQ(limit.margin(false).checkpoint, 30);
  EXPECT_TRUE(limit.margin(false).estimated);
  limit.checkpoint_took(0);  // none has ended yet
  EXPECT_DOUBLE_EQ(limit.margin(false).checkpoint, 30);
  limit.checkpoint_took(0.5);
  EXPECT_DOUBLE_EQ(limit.margin(false).checkpoint, 0.5);
  EXPECT_FALSE(limit.margin(false).estimated);
}

TEST(TimeLimit, LeavesMostOfAShortTimeToTrain) {
  const TimeLimit short_one(108, 100);
  EXPECT_DOUBLE_EQ(short_one.margin(false).checkpoint, 0.8);
  EXPECT_FALSE(short_one.must_stop(106.3));
  EXPECT_TRUE(short_one.must_stop(106.5));
  const TimeLimit over(100, 130);
  EXPECT_DOUBLE_EQ(over.margin(false).seconds(), 0);
  EXPECT_TRUE(over.must_stop(130));
}

TEST(TimeLimit, SaysWhatItsMarginIsMadeOf) {
  TimeLimit limit(1000, 0);
  EXPECT_THAT(limit.margin(false).text(), HasSubstr("60.0 s: 2 x checkpoint 30.0 s (estimated)"));
  limit.checkpoint_took(5);
  limit.step_took(1.25);
  limit.evaluation_took(7);
  EXPECT_EQ(limit.margin(true).text(),
            "19.5 s: 2 x checkpoint 5.0 s, 2 x step 1.25 s, evaluation 7.0 s");
  EXPECT_THAT(limit.margin(false).text(), Not(HasSubstr("evaluation")));
}

}  // namespace
}  // namespace catamaran
