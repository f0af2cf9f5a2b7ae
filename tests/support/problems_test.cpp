#include "support/problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

std::vector<std::string> of(int64_t width, const std::string& pool) {
  Problems found("model.");
  found.require(width > 0, "width", "must be positive", "512 is usual");
  found.require_one_of("pool", pool, {"mean", "max"});
  return found.take();
}

TEST(Problems, AreAllToldWithTheirKeys) {
  EXPECT_TRUE(of(1, "max").empty());
  EXPECT_THAT(of(0, "maxx"),
              testing::ElementsAre(
                  "model.width: must be positive; 512 is usual",
                  "model.pool: 'maxx' is not known (did you mean 'max'?); use one of mean, max"));
}

TEST(Problems, AreOneErrorThatNamesEachOfThem) {
  EXPECT_NO_THROW(throw_if_any({}));
  try {
    throw_if_any(of(0, "max"));
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_EQ(problem.where(), "model.width");
    EXPECT_STREQ(problem.what(), "model.width: must be positive; 512 is usual");
  }
  try {
    throw_if_any(of(0, "avg"));
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), testing::HasSubstr("2 mistakes"));
    EXPECT_THAT(problem.what(), testing::HasSubstr("model.width"));
    EXPECT_THAT(problem.what(), testing::HasSubstr("model.pool"));
  }
}

}  // namespace
}  // namespace catamaran
