#include "launch/array_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SplitArray, KeepsAllInOneWhereTheyFit) {
  const std::vector<ArrayPart> parts = split_array({7, 0, 3, 3}, 1001);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].first, 0);
  EXPECT_THAT(parts[0].tasks, ElementsAre(0, 3, 7));
}

TEST(SplitArray, ATaskIsBelowTheLimit) {
  const std::vector<ArrayPart> parts = split_array({0, 1000, 1001, 2001, 2002, 5005}, 1001);
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_THAT(parts[0].tasks, ElementsAre(0, 1000));
  EXPECT_EQ(parts[1].first, 1001);
  EXPECT_THAT(parts[1].tasks, ElementsAre(0, 1000));
  EXPECT_EQ(parts[2].first, 2002);
  EXPECT_THAT(parts[2].tasks, ElementsAre(0));
  EXPECT_EQ(parts[3].first, 5005);
  EXPECT_THAT(parts[3].tasks, ElementsAre(0));
}

TEST(SplitArray, EveryIndexIsInOneTaskAlone) {
  for (const int64_t limit : {1, 2, 7, 100}) {
    std::vector<int64_t> indices(100);
    std::iota(indices.begin(), indices.end(), int64_t{0});
    std::vector<int64_t> seen;
    for (const ArrayPart& part : split_array(indices, limit)) {
      for (const int64_t task : part.tasks) {
        EXPECT_LT(task, limit);
        seen.push_back(part.first + task);
      }
    }
    EXPECT_EQ(seen, indices) << limit;
  }
}

TEST(SplitArray, OfNothingIsNothing) { EXPECT_TRUE(split_array({}, 1001).empty()); }

TEST(SplitArray, ASiteWithoutArraysIsASentence) { EXPECT_THROW(split_array({1}, 0), UsageError); }

TEST(ParseArray, TakesWhatSbatchTakes) {
  EXPECT_THAT(parse_array("0-3,7", "--array", 100).indices, ElementsAre(0, 1, 2, 3, 7));
  EXPECT_THAT(parse_array("8,1-6:2,3", "--array", 100).indices, ElementsAre(1, 3, 5, 8));
  const ArrayWish wish = parse_array("5%2", "--array", 100);
  EXPECT_THAT(wish.indices, ElementsAre(5));
  EXPECT_EQ(wish.at_once, 2);
}

TEST(ParseArray, RefusesWhatIsNone) {
  for (const char* text : {"", "a", "1-", "-1", "3-1", "1,,2", "1:2:3", "1%", "1%2%3", "1 2",
                           "1-4:0", "99999999999"}) {
    try {
      parse_array(text, "--array", 100);
      ADD_FAILURE() << text;
    } catch (const UsageError& problem) {
      EXPECT_THAT(problem.what(), HasSubstr("--array: '" + std::string(text) + "' is no list"));
    }
  }
}

TEST(ParseArray, IsBounded) {
  EXPECT_EQ(parse_array("0-99", "--array", 100).indices.size(), 100U);
  EXPECT_THROW(parse_array("0-999999999", "--array", 100), UsageError);
}

}  // namespace
}  // namespace catamaran
