// The slowest rank, and when the log says so.
#include "trainer/stragglers.h"

#include <gmock/gmock.h>

namespace catamaran {
namespace {

using testing::HasSubstr;

constexpr int kSteps = static_cast<int>(OwnWork::kSteps);

TEST(OwnWork, NamesTheRankWithTheLargestMeanAndTheMedianOfAll) {
  OwnWork work(3);
  const SlowestRank slowest = work.add(std::vector{0.25, 1.0, 0.5});
  EXPECT_EQ(slowest.rank, 1);
  EXPECT_EQ(slowest.seconds, 1.0);
  EXPECT_EQ(slowest.median_seconds, 0.5);
  EXPECT_EQ(slowest.factor(), 2.0);
}

TEST(OwnWork, TakesTheLowerMiddleOfAnEvenNumberSoThatOneOfTwoCanStandOut) {
  OwnWork work(2);
  EXPECT_EQ(work.add(std::vector{0.5, 2.0}).factor(), 4.0);
  OwnWork of_four(4);
  EXPECT_EQ(of_four.add(std::vector{4.0, 1.0, 3.0, 2.0}).median_seconds, 2.0);
}

TEST(OwnWork, IsTheMeanOfTheNewestSteps) {
  OwnWork work(2);
  work.add(std::vector{1.0, 11.0});
  EXPECT_DOUBLE_EQ(work.add(std::vector{1.0, 1.0}).seconds, 6.0);
  SlowestRank newest;
  for (int step = 0; step < kSteps; ++step) newest = work.add(std::vector{1.0, 0.5});
  EXPECT_EQ(newest.rank, 0) << "the slow step is forgotten";
  EXPECT_DOUBLE_EQ(newest.seconds, 1.0);
}

TEST(OwnWork, KeepsTheMeansByRank) {
  OwnWork work(3);
  EXPECT_EQ(work.means(), std::vector({0.0, 0.0, 0.0}));
  work.add(std::vector{1.0, 2.0, 3.0});
  work.add(std::vector{3.0, 2.0, 1.0});
  EXPECT_EQ(work.means(), std::vector({2.0, 2.0, 2.0}));
}

TEST(OwnWork, OfOneRankHasNoStraggler) {
  EXPECT_EQ(OwnWork(1).add(std::vector{3.0}).factor(), 1.0);
  EXPECT_EQ(OwnWork(2).add(std::vector{0.0, 0.0}).factor(), 1.0) << "a clock that stands";
}

SlowestRank slow(int64_t rank) { return {.rank = rank, .seconds = 0.9, .median_seconds = 0.3}; }
SlowestRank even() { return {.rank = 0, .seconds = 0.3, .median_seconds = 0.3}; }

// After the steps in which everything is made.
StragglerLines warm(double factor) {
  StragglerLines lines(factor, {"node0", "node0", "node1"});
  for (int step = 1; step < 2 * kSteps; ++step)
    EXPECT_FALSE(lines.line(slow(1), 0).has_value()) << "step " << step;
  return lines;
}

TEST(StragglerLines, SayRankHostTimeAndMedianOnce) {
  StragglerLines lines = warm(1.5);
  const auto line = lines.line(slow(2), 100);
  ASSERT_TRUE(line.has_value());
  EXPECT_THAT(*line, HasSubstr("rank 2 on node1 is a straggler"));
  EXPECT_THAT(*line, HasSubstr("0.9 s a step"));
  EXPECT_THAT(*line, HasSubstr("3.0 times the median of all ranks (0.3 s)"));
  EXPECT_FALSE(lines.line(slow(2), 1000).has_value()) << "it is known";
}

TEST(StragglerLines, SayAnotherRankAMinuteLaterAtTheEarliest) {
  StragglerLines lines = warm(1.5);
  ASSERT_TRUE(lines.line(slow(2), 100).has_value());
  EXPECT_FALSE(lines.line(slow(1), 159).has_value());
  EXPECT_TRUE(lines.line(slow(1), 161).has_value());
}

TEST(StragglerLines, SayARankAgainThatHadCaughtUp) {
  StragglerLines lines = warm(1.5);
  ASSERT_TRUE(lines.line(slow(2), 100).has_value());
  EXPECT_FALSE(lines.line(even(), 200).has_value());
  EXPECT_TRUE(lines.line(slow(2), 300).has_value());
}

TEST(StragglerLines, SayNothingBelowTheFactorOrWhereItIsZero) {
  EXPECT_FALSE(warm(3.5).line(slow(2), 100).has_value());
  EXPECT_FALSE(warm(0).line(slow(2), 100).has_value());
}

}  // namespace
}  // namespace catamaran
