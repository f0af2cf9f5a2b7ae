#include "comm/clock_offset.h"

#include <gtest/gtest.h>

#include <chrono>

#include "mpi_test_environment.h"

namespace catamaran {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr double kTimeout = 60;

TEST(ClockOffset, IsNothingOnRankZerosHost) {
  EXPECT_EQ(clock_offset(test_group()->host_name(), kTimeout), 0);
}

TEST(ClockOffset, FindsHowFarAClockIsAhead) {
  const double ahead = 1000.0 * test_group()->rank() - 3.0 * test_group()->world();
  const double root_ahead = -3.0 * test_group()->world();
  const double offset = measure_clock_offset([ahead] { return now() + ahead; }, kTimeout);
  EXPECT_NEAR(offset, test_group()->world() > 1 ? ahead - root_ahead : 0, 0.02);
}

TEST(ClockOffset, IsMeasuredWhereTheHostIsAnother) {
  const bool other = test_group()->rank() > 0;
  const double offset = clock_offset(other ? "elsewhere" : "here", kTimeout);
  if (other) {
    EXPECT_NE(offset, 0);  // nanoseconds at least
  }
  EXPECT_NEAR(offset, 0, 0.02);
}

}  // namespace
}  // namespace catamaran
