#include "monitoring/run_rhythm.h"

#include <gtest/gtest.h>

#include <cmath>

namespace catamaran {
namespace {

TEST(WallTime, TellsOfEverySecondOnce) {
  WallTime wall(10);
  EXPECT_DOUBLE_EQ(wall.rest(12, 1.5), 0.5);
  EXPECT_DOUBLE_EQ(wall.rest(12, 0), 0);
  EXPECT_DOUBLE_EQ(wall.rest(15, 0), 3);
  EXPECT_DOUBLE_EQ(wall.rest(16, 2), 0) << "more is known than has passed: another clock measured";
  EXPECT_DOUBLE_EQ(wall.rest(17, 0.25), 0.75);
}

TEST(CheckpointRhythm, IsNotKnownBeforeTheFirstStep) {
  EXPECT_TRUE(std::isnan(CheckpointRhythm(10, 0, 100).seconds()));
}

TEST(CheckpointRhythm, FollowsTheStepsAndTheLongestEvaluation) {
  CheckpointRhythm rhythm(10, 4, 100);
  rhythm.step_took(2);
  EXPECT_DOUBLE_EQ(rhythm.seconds(), 20);
  rhythm.evaluation_took(7);
  rhythm.evaluation_took(5);
  EXPECT_DOUBLE_EQ(rhythm.seconds(), 20 + 3 * 7) << "of 10 steps in 4s, three end in between";
  rhythm.step_took(1);
  EXPECT_DOUBLE_EQ(rhythm.seconds(), 10 + 3 * 7);
}

TEST(CheckpointRhythm, IsTheWholeRunWhereACheckpointIsWrittenAtItsEndOnly) {
  CheckpointRhythm rhythm(0, 0, 100);
  rhythm.step_took(2);
  EXPECT_DOUBLE_EQ(rhythm.seconds(), 200);
}

TEST(Goodput, IsTheShareOfTheTimeSinceTheFirstStart) {
  Goodput goodput;
  goodput.begin(1000, 50);
  EXPECT_EQ(goodput.ratio(1000), 0) << "no time has passed";
  EXPECT_DOUBLE_EQ(goodput.ratio(1100), 0.5);
  goodput.add(25);
  EXPECT_DOUBLE_EQ(goodput.ratio(1100), 0.75);
  goodput.add(-3);
  EXPECT_DOUBLE_EQ(goodput.ratio(1100), 0.75);
  goodput.add(1e6);
  EXPECT_DOUBLE_EQ(goodput.ratio(1100), 1) << "a wall clock that was set back";
}

TEST(Smoothed, BeginsAtItsFirstValueAndLeavesOutWhatIsNotFinite) {
  Smoothed value(0.5);
  EXPECT_DOUBLE_EQ(value.add(NAN), 0);
  EXPECT_DOUBLE_EQ(value.add(4), 4);
  EXPECT_DOUBLE_EQ(value.add(2), 3);
  EXPECT_DOUBLE_EQ(value.add(INFINITY), 3);
}

}  // namespace
}  // namespace catamaran
