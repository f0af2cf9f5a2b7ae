#include "support/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

TEST(Finding, GoesThroughJsonAndBack) {
  for (const Finding& finding :
       {fine("mpi", "Open MPI"), note("a", "b"), note("a", "b", "c"), warning("x", "y\n\"", "z"),
        failure("gpu-memory", "2 errors", "leave it out")})
    EXPECT_EQ(finding_of_json(finding_json(finding)), finding);
  EXPECT_EQ(
      finding_json(failure("t", "w", "d")),
      nlohmann::json({{"level", "fail"}, {"topic", "t"}, {"what", "w"}, {"what_to_do", "d"}}));
}

TEST(Finding, OfAnotherFormIsRefused) {
  EXPECT_THROW(finding_of_json({{"level", "fail"}, {"topic", "t"}, {"what", "w"}}), DataError);
  EXPECT_THROW(
      finding_of_json({{"level", "worse"}, {"topic", "t"}, {"what", "w"}, {"what_to_do", ""}}),
      DataError);
  EXPECT_THROW(finding_of_json("text"), DataError);
}

TEST(Finding, LevelsAreInTheOrderOfTheirWeight) {
  EXPECT_LT(FindingLevel::kOk, FindingLevel::kNote);
  EXPECT_LT(FindingLevel::kNote, FindingLevel::kWarn);
  EXPECT_LT(FindingLevel::kWarn, FindingLevel::kFail);
}

}  // namespace
}  // namespace catamaran
