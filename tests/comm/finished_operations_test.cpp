#include "comm/finished_operations.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

TEST(FinishedOperations, AreTakenOnceOldestFirst) {
  FinishedOperations finished;
  EXPECT_TRUE(finished.take().empty());
  for (int64_t i = 0; i < 3; ++i) finished.add({i, 0, 0});
  const std::vector<FinishedOperation> taken = finished.take();
  ASSERT_EQ(taken.size(), 3U);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(taken[static_cast<size_t>(i)].bytes, i);
  EXPECT_TRUE(finished.take().empty());
}

TEST(FinishedOperations, TheNewestStayWhereNobodyTakesThem) {
  FinishedOperations finished;
  constexpr auto kMost = static_cast<int64_t>(FinishedOperations::kMost);
  for (int64_t i = 0; i < kMost + 10; ++i) finished.add({i, 0, 0});
  const std::vector<FinishedOperation> taken = finished.take();
  ASSERT_EQ(taken.size(), FinishedOperations::kMost);
  for (size_t i = 0; i < taken.size(); ++i) ASSERT_EQ(taken[i].bytes, static_cast<int64_t>(i) + 10);
  finished.add({7, 0, 0});
  EXPECT_EQ(finished.take().at(0).bytes, 7);
}

TEST(FinishedOperations, TheirClockGoesForwards) {
  const double before = steady_seconds();
  EXPECT_LE(before, steady_seconds());
  EXPECT_GT(before, 0);
}

}  // namespace
}  // namespace catamaran
