#include "support/handle.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

struct CountingTraits {
  using type = int;
  static int closed;
  static constexpr int empty() { return -1; }
  static void close(int) noexcept { ++closed; }
};
int CountingTraits::closed = 0;

TEST(Handle, ClosesEachValueExactlyOnceHoweverItIsMoved) {
  CountingTraits::closed = 0;
  {
    Handle<CountingTraits> first(1);
    Handle<CountingTraits> second(2);
    Handle<CountingTraits> third(std::move(first));
    second = std::move(third);  // closes 2
    EXPECT_EQ(CountingTraits::closed, 1);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): moved-from handles are empty
    EXPECT_EQ(second.get(), 1);
  }
  EXPECT_EQ(CountingTraits::closed, 2);
}

TEST(Handle, ReleaseGivesTheValueAwayUnclosed) {
  CountingTraits::closed = 0;
  {
    Handle<CountingTraits> handle(7);
    EXPECT_EQ(handle.release(), 7);
  }
  EXPECT_EQ(CountingTraits::closed, 0);
}

}  // namespace
}  // namespace catamaran
