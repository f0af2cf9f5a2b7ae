#include "launch/byte_sizes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

TEST(ByteSizes, AreReadWithAndWithoutUnit) {
  EXPECT_THAT(parse_byte_sizes("4,4B,4KiB,1MiB,2GiB,1 MiB", "--sizes"),
              testing::ElementsAre(4, 4, 4096, 1 << 20, int64_t{2} << 30, 1 << 20));
}

TEST(ByteSizes, AreWrittenInTheLargestUnitThatDividesThem) {
  EXPECT_EQ(byte_size_text(1 << 20), "1 MiB");
  EXPECT_EQ(byte_size_text(1536), "1536 B");
  EXPECT_EQ(byte_size_text(256 << 20), "256 MiB");
  EXPECT_EQ(byte_size_text(0), "0 B");
}

TEST(ByteSizes, WhatIsNoneIsRefusedByName) {
  for (const char* wrong :
       {"", "x", "1MB", "-1", "0", "1.5MiB", "MiB", "1KiB,,2", "99999999999GiB"}) {
    try {
      parse_byte_sizes(wrong, "--sizes");
      ADD_FAILURE() << wrong;
    } catch (const UsageError& problem) {
      EXPECT_THAT(problem.what(), testing::HasSubstr("--sizes"));
    }
  }
}

}  // namespace
}  // namespace catamaran
