#include "trainer/arena_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace catamaran {
namespace {

using testing::ElementsAre;

// All of one group, backward in order.
ArenaContents plain(std::vector<int64_t> elements) {
  ArenaContents contents;
  contents.elements = std::move(elements);
  contents.group.assign(contents.elements.size(), 0);
  contents.order.resize(contents.elements.size());
  std::iota(contents.order.begin(), contents.order.end(), size_t{0});
  return contents;
}

TEST(ArenaLayout, StartsSmallAndEndsSmall) {
  const ArenaLayout layout =
      lay_out(plain({16, 16, 32, 32, 32, 16, 16}), {.first = 16, .middle = 64, .last = 32});
  ASSERT_EQ(layout.buckets.size(), 4U);
  EXPECT_THAT(layout.buckets[0].parameters, ElementsAre(0));
  EXPECT_THAT(layout.buckets[1].parameters, ElementsAre(1, 2));
  EXPECT_THAT(layout.buckets[2].parameters, ElementsAre(3, 4));
  EXPECT_THAT(layout.buckets[3].parameters, ElementsAre(5, 6));
  EXPECT_EQ(layout.elements, 160);
}

TEST(ArenaLayout, GivesAParameterLargerThanABucketABucketOfItsOwn) {
  const ArenaLayout layout = lay_out(plain({100, 3, 100}), {.first = 8, .middle = 8, .last = 8});
  ASSERT_EQ(layout.buckets.size(), 3U);
  EXPECT_THAT(layout.buckets[0].parameters, ElementsAre(0));
  EXPECT_THAT(layout.buckets[2].parameters, ElementsAre(2));
}

TEST(ArenaLayout, AlignsSlotsAndGivesTheGapsToTheSegments) {
  const ArenaLayout layout = lay_out(plain({1, 17, 16}), {.first = 99, .middle = 99, .last = 99});
  EXPECT_EQ(layout.slots[0].begin, 0);
  EXPECT_EQ(layout.slots[0].end, 1);
  EXPECT_EQ(layout.slots[1].begin, 16);
  EXPECT_EQ(layout.slots[1].end, 33);
  EXPECT_EQ(layout.slots[2].begin, 48);
  ASSERT_EQ(layout.segments.size(), 1U);
  EXPECT_EQ(layout.segments[0].range.begin, 0);
  EXPECT_EQ(layout.segments[0].range.end, 64);
}

TEST(ArenaLayout, FollowsTheOrderOfBackwardAndPutsAGroupTogetherWithinABucket) {
  ArenaContents contents = plain({16, 16, 16, 16});
  contents.order = {3, 2, 1, 0};
  contents.group = {1, 0, 1, 0};
  const ArenaLayout layout = lay_out(contents, {.first = 16, .middle = 99, .last = 1});
  ASSERT_EQ(layout.buckets.size(), 3U);
  EXPECT_THAT(layout.buckets[0].parameters, ElementsAre(3));
  EXPECT_THAT(layout.buckets[1].parameters, ElementsAre(1, 2));  // group 0 before group 1
  EXPECT_THAT(layout.buckets[2].parameters, ElementsAre(0));
  ASSERT_EQ(layout.segments.size(), 2U);  // 3 and 1 meet across the border of two buckets
  EXPECT_THAT(layout.segments[0].parameters, ElementsAre(3, 1));
  EXPECT_THAT(layout.segments[1].parameters, ElementsAre(2, 0));
  EXPECT_EQ(layout.segments[0].group, 0U);
  EXPECT_EQ(layout.segments[1].group, 1U);
}

TEST(ArenaLayout, KeepsWhatGetsNoGradientInABucketOfItsOwn) {
  ArenaContents contents = plain({16, 16, 16});
  contents.order = {0, 2, 1};
  contents.unused = 1;
  const ArenaLayout layout = lay_out(contents, {.first = 99, .middle = 99, .last = 99});
  ASSERT_EQ(layout.buckets.size(), 2U);
  EXPECT_THAT(layout.buckets[0].parameters, ElementsAre(0, 2));
  EXPECT_TRUE(layout.buckets[0].used);
  EXPECT_THAT(layout.buckets[1].parameters, ElementsAre(1));
  EXPECT_FALSE(layout.buckets[1].used);
}

TEST(ArenaLayout, OfNothingIsEmpty) {
  const ArenaLayout layout = lay_out({}, {.first = 1, .middle = 1, .last = 1});
  EXPECT_EQ(layout.elements, 0);
  EXPECT_TRUE(layout.buckets.empty());
}

}  // namespace
}  // namespace catamaran
