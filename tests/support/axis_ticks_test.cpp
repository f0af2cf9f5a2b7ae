#include "support/axis_ticks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(RoundTicks, AreRoundAndLieOnTheAxis) {
  EXPECT_THAT(round_ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(round_ticks(-0.1, 0.11, 4), ElementsAre(-0.1, -0.05, 0, 0.05, 0.1));
  for (const double high : {1e-7, 0.03, 1.0, 87.3, 12820.0, 3e9}) {
    const auto ticks = round_ticks(0, high, 5);
    EXPECT_GE(ticks.size(), 3u) << high;
    EXPECT_LE(ticks.size(), 8u) << high;
    EXPECT_LE(ticks.back(), high * (1 + 1e-8));
  }
}

TEST(LogTicks, AreOneTwoAndFiveOfEachDecade) {
  EXPECT_THAT(log_ticks(0.04, 0.6), ElementsAre(DoubleNear(0.05, 1e-12), DoubleNear(0.1, 1e-12),
                                                DoubleNear(0.2, 1e-12), DoubleNear(0.5, 1e-12)));
}

}  // namespace
}  // namespace catamaran
