#include "trainer/spike_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::HasSubstr;

// After `steps` of loss 1 and gradient norm 2.
SpikeDetector after(int steps, double factor, int64_t window) {
  SpikeDetector spikes(factor, window);
  for (int step = 0; step < steps; ++step) spikes.add(1, 2);
  return spikes;
}

TEST(SpikeDetector, JudgesLossAndGradientNormAgainstTheirMedians) {
  const SpikeDetector spikes = after(30, 10, 100);
  EXPECT_FALSE(spikes.judge(10, 20)) << "the factor itself is none";
  const std::optional<Spike> of_loss = spikes.judge(10.5, 30);
  ASSERT_TRUE(of_loss);
  EXPECT_EQ(of_loss->what, "loss");
  EXPECT_EQ(of_loss->text(), "loss 10.5 is 10.5 times the median 1 of the newest 30 steps");
  const std::optional<Spike> of_norm = spikes.judge(1, 50);
  ASSERT_TRUE(of_norm);
  EXPECT_THAT(of_norm->text(), HasSubstr("gradient norm 50 is 25.0 times the median 2"));
}

TEST(SpikeDetector, JudgesNothingBeforeTwentySteps) {
  EXPECT_FALSE(after(19, 10, 100).judge(1e6, 1e6));
  EXPECT_TRUE(after(20, 10, 100).judge(1e6, 1e6));
}

TEST(SpikeDetector, IsNotMovedByAFewLargeValues) {
  SpikeDetector spikes = after(30, 10, 100);
  for (int step = 0; step < 10; ++step) spikes.add(1e9, 1e9);
  EXPECT_TRUE(spikes.judge(11, 2));
}

TEST(SpikeDetector, LooksAtTheNewestStepsOfItsWindowAlone) {
  SpikeDetector spikes = after(1000, 2, 20);
  for (int step = 0; step < 11; ++step) spikes.add(4, 8);
  EXPECT_FALSE(spikes.judge(7, 15)) << "11 of the newest 20 are of the new height";
  for (int step = 0; step < 11; ++step) spikes.add(0.5, 1);
  EXPECT_TRUE(spikes.judge(1.5, 1)) << "the places go round";
  EXPECT_EQ(spikes.judge(1.5, 1)->steps, 20);
}

TEST(SpikeDetector, TakesTheUpperOfTwoMiddleValues) {
  SpikeDetector spikes(2, 20);
  for (int step = 0; step < 10; ++step) spikes.add(1, 1);
  for (int step = 0; step < 10; ++step) spikes.add(3, 3);
  EXPECT_FALSE(spikes.judge(6, 6));
  EXPECT_EQ(spikes.judge(6.1, 6)->median, 3);
}

TEST(SpikeDetector, JudgesNothingByAMedianOfZero) {
  SpikeDetector spikes(10, 100);
  for (int step = 0; step < 30; ++step) spikes.add(0, 0);
  EXPECT_FALSE(spikes.judge(1, 1));
}

}  // namespace
}  // namespace catamaran
