#include "launch/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

int64_t seconds(const std::string& given) { return parse_duration(given, "--max-time"); }

TEST(Duration, IsReadWithUnits) {
  EXPECT_EQ(seconds("90s"), 90);
  EXPECT_EQ(seconds("45m"), 2700);
  EXPECT_EQ(seconds("2h30m"), 9000);
  EXPECT_EQ(seconds("1h5s"), 3605);
  EXPECT_EQ(seconds("1d12h"), 129600);
  EXPECT_EQ(seconds("1d2h3m4s"), 93784);
  EXPECT_EQ(seconds("366d"), 366 * 86400);
  EXPECT_EQ(seconds("0h90m"), 5400);
}

TEST(Duration, IsReadAsSlurmsTimes) {
  EXPECT_EQ(seconds("02:30:00"), 9000);
  EXPECT_EQ(seconds("0:00:08"), 8);
  EXPECT_EQ(seconds("36:00:00"), 129600);
  EXPECT_EQ(seconds("1-12:00:00"), 129600);
}

TEST(Duration, WhatIsNoneIsRefusedByNameWithTheFormsThatAre) {
  for (const char* wrong : {"",
                            " ",
                            "x",
                            "90",
                            "-90s",
                            "+90s",
                            "s",
                            "h30m",
                            "1.5h",
                            "2h 30m",
                            "30m2h",
                            "1h1h",
                            "90S",
                            "90sec",
                            "2h30",
                            "02:30",
                            "2:3:4",
                            "02:60:00",
                            "02:00:60",
                            "02:00:00s",
                            "1-24:00:00",
                            "-12:00:00",
                            "1-2-12:00:00",
                            "1d12:00:00",
                            "02:30:00:00",
                            "999999999s",
                            "::",
                            "1:",
                            "0s",
                            "0h0m",
                            "00:00:00",
                            "367d",
                            "9000:00:00"}) {
    try {
      seconds(wrong);
      ADD_FAILURE() << wrong;
    } catch (const UsageError& problem) {
      EXPECT_THAT(problem.what(), AllOf(HasSubstr("--max-time"), HasSubstr("2h30m, 90s"),
                                        HasSubstr("02:30:00"), HasSubstr(wrong)));
    }
  }
}

}  // namespace
}  // namespace catamaran
