// What every rank tells rank 0 of itself arrives under its number.
#include "trainer/figures_exchange.h"

#include <gtest/gtest.h>

#include <cmath>

#include "mpi_test_environment.h"

namespace catamaran {
namespace {

TEST(FiguresExchange, BringsTheNumbersOfEachRankUnderItsOwn) {
  ProcessGroup& group = *test_group();
  const double me = group.rank() + 1;
  RankFigures mine{.read_bytes = 10 * me,
                   .decode_seconds = 20 * me,
                   .cache_hits = 30 * me,
                   .ready_batches = 40 * me,
                   .log_warnings = 50 * me,
                   .log_errors = 60 * me};
  mine.gpu.power_watts = 70 * me;  // and nothing else is known of a GPU
  const std::vector<RankFigures> all = share_figures(mine, group);
  ASSERT_EQ(std::ssize(all), group.world());
  for (int rank = 0; rank < group.world(); ++rank) {
    const RankFigures& one = all[static_cast<size_t>(rank)];
    const double of = rank + 1;
    EXPECT_EQ(one.read_bytes, 10 * of);
    EXPECT_EQ(one.decode_seconds, 20 * of);
    EXPECT_EQ(one.cache_hits, 30 * of);
    EXPECT_EQ(one.ready_batches, 40 * of);
    EXPECT_EQ(one.log_warnings, 50 * of);
    EXPECT_EQ(one.log_errors, 60 * of);
    EXPECT_EQ(one.gpu.power_watts, 70 * of);
    EXPECT_TRUE(std::isnan(one.gpu.temperature_celsius)) << "of rank " << rank;
    EXPECT_TRUE(std::isnan(one.gpu.ecc_errors)) << "of rank " << rank;
  }
}

TEST(FiguresDue, AreDueAtOnceAndThenAtALoggedStepFiveSecondsLater) {
  FiguresDue due;
  EXPECT_FALSE(due.is_due(/*logged=*/false, 100));
  EXPECT_TRUE(due.is_due(true, 100));
  EXPECT_FALSE(due.is_due(true, 104.9));
  EXPECT_FALSE(due.is_due(false, 105));
  EXPECT_TRUE(due.is_due(true, 105));
  EXPECT_FALSE(due.is_due(true, 105.1));
}

}  // namespace
}  // namespace catamaran
