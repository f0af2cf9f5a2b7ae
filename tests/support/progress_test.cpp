#include "support/progress.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace catamaran {
namespace {

TEST(Progress, CountsWhatSeveralThreadsAdvance) {
  testing::internal::CaptureStderr();
  {
    Progress progress("packing", 4000, "images", /*enabled=*/true, /*first_seconds=*/0);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&progress, t] {
        for (int i = 0; i < 1000; ++i) progress.advance(1, "thread " + std::to_string(t));
      });
    }
  }
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("4000/4000 images"), std::string::npos) << told;
}

}  // namespace
}  // namespace catamaran
