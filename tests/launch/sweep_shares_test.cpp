#include "launch/sweep_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SweepShares, CoresAreSharedOutEvenlyAndNeighboursTogether) {
  EXPECT_THAT(share_cores({0, 1, 2, 3}, 2), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
  EXPECT_THAT(share_cores({4, 5, 6, 7, 9}, 2),
              ElementsAre(ElementsAre(4, 5), ElementsAre(6, 7, 9)));
  EXPECT_THAT(share_cores({0, 1}, 1), ElementsAre(ElementsAre(0, 1)));
}

TEST(SweepShares, WithMoreJobsThanCoresEveryJobHasOne) {
  EXPECT_THAT(share_cores({3, 5}, 4),
              ElementsAre(ElementsAre(3), ElementsAre(3), ElementsAre(5), ElementsAre(5)));
  EXPECT_THAT(share_cores({}, 4), IsEmpty());
}

TEST(SweepShares, EveryJobHasGpusOfItsOwn) {
  EXPECT_THAT(share_gpus({"4", "5", "6", "7"}, 2, 2), ElementsAre("4,5", "6,7"));
  EXPECT_THAT(share_gpus({"a", "b", "c"}, 3, 1), ElementsAre("a", "b", "c"));
  try {
    (void)share_gpus({"0", "1", "2"}, 2, 2);
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("need 4 GPUs, and there are 3; set it to 1"));
  }
}

}  // namespace
}  // namespace catamaran
