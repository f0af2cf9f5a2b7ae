#include "support/last_resort.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace catamaran {
namespace {

TEST(LastResort, DoesNothingInTime) { const LastResort bound(600, 5, "too late"); }

TEST(LastResortDeathTest, EndsTheProcessWithItsSentence) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const LastResort bound(0.05, 5, "rank 1: too late");
        for (;;) ::pause();
      },
      testing::ExitedWithCode(5), "catamaran: error: rank 1: too late");
}

TEST(LastResortDeathTest, EndsTheProcessWithTheWordsAndTheCodeThatItIsGiven) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const LastResort bound(0.05, [] {
          (void)!::write(STDERR_FILENO, "all that is known", 17);
          return 1;
        });
        for (;;) ::pause();
      },
      testing::ExitedWithCode(1), "all that is known");
}

}  // namespace
}  // namespace catamaran
