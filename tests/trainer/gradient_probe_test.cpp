#include "trainer/gradient_probe.h"

#include <gmock/gmock.h>

namespace catamaran {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(OddRanks, AreThoseUnlikeMostOthers) {
  EXPECT_THAT(odd_ranks({7}), IsEmpty());
  EXPECT_THAT(odd_ranks({7, 7, 7}), IsEmpty());
  EXPECT_THAT(odd_ranks({7, 8, 7}), ElementsAre(1));
  EXPECT_THAT(odd_ranks({9, 7, 7, 8, 7}), ElementsAre(0, 3));
}

TEST(OddRanks, AreAllWhereNoneIsMost) {
  EXPECT_THAT(odd_ranks({7, 8}), ElementsAre(0, 1));
  EXPECT_THAT(odd_ranks({7, 7, 8, 8}), ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace catamaran
