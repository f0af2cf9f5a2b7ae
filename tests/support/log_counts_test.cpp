#include "support/log_counts.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/log.h"

namespace catamaran {
namespace {

TEST(LogCounts, CountWarningsAndErrorsWhileTheyLive) {
  testing::internal::CaptureStderr();
  log::warn("before it was made");
  {
    const LogCounts counts;
    log::info("all is well");
    log::warn("one");
    log::warn("two");
    log::error("three");
    EXPECT_EQ(counts.warnings(), 2);
    EXPECT_EQ(counts.errors(), 1);
  }
  log::warn("nobody counts this");
  testing::internal::GetCapturedStderr();
}

TEST(LogCounts, CountWhateverThreadsLog) {
  constexpr int kLines = 500;
  testing::internal::CaptureStderr();
  const LogCounts counts;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < kLines; ++i) log::warn("line");
      });
    }
  }
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(counts.warnings(), 4 * kLines);
}

}  // namespace
}  // namespace catamaran
