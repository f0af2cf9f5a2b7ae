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

constexpr const char* kWhole =
    "training [#######.................] 120/400 steps (30 %), ETA 0:40, loss 0.1";

ProgressLine line() {
  return {.task = "training",
          .done = 120,
          .total = 400,
          .unit = "steps",
          .time = "ETA 0:40",
          .note = "loss 0.1"};
}

TEST(ProgressText, HasItsBarWhereThereIsRoom) {
  EXPECT_EQ(progress_text(line(), 200), kWhole);
  EXPECT_EQ(progress_text(line(), static_cast<int64_t>(std::string(kWhole).size())), kWhole);
}

TEST(ProgressText, NeverIsLongerThanItsColumns) {
  for (int64_t columns = 1; columns < 120; ++columns)
    EXPECT_LE(progress_text(line(), columns).size(), static_cast<size_t>(columns));
  EXPECT_EQ(progress_text(line(), 60),
            "training [##......] 120/400 steps (30 %), ETA 0:40, loss 0.1");
  EXPECT_EQ(progress_text(line(), 57), "training 120/400 steps (30 %), ETA 0:40, loss 0.1");
  EXPECT_EQ(progress_text(line(), 30), "training 120/400 steps (30 ...");
}

TEST(ProgressText, HasNoBarInAFile) {
  EXPECT_EQ(progress_text(line(), 0), "training 120/400 steps (30 %), ETA 0:40, loss 0.1");
}

TEST(ProgressText, CountsWhatHasNoKnownEnd) {
  ProgressLine open = line();
  open.total = 0;
  open.time = "";
  EXPECT_EQ(progress_text(open, 0), "training: 120 steps, loss 0.1");
}

TEST(ProgressText, ShowsDurationsAsAClockDoes) {
  EXPECT_EQ(format_duration(-3), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(3723), "1:02:03");
}

}  // namespace
}  // namespace catamaran
