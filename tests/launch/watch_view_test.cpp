#include "launch/watch_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class WatchViewTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  RunStatus run(int64_t step = 120) const {
    RunStatus run;
    run.folder = folder_;
    run.name = "a";
    run.phase = RunPhase::kRunning;
    run.step = step;
    run.total_steps = 400;
    run.loss = 0.5;
    run.images_per_second = 10;
    run.eta_seconds = 40;
    return run;
  }
  void log(const std::string& message, const std::string& level = "info") const {
    std::ofstream(folder_ / "log.jsonl", std::ios::app)
        << nlohmann::json({{"time", 1.7e9}, {"level", level}, {"message", message}}).dump() << "\n";
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / ("watch-" + std::to_string(::getpid()));
};

TEST_F(WatchViewTest, ShowsOneRunsProgressAndWhatIsNew) {
  WatchView view(std::nullopt);
  log("epoch-0001: mAP 45.12");
  const std::string first = view.show({run()}, 0);
  EXPECT_THAT(first, HasSubstr(" epoch-0001: mAP 45.12\n"));
  EXPECT_THAT(first, HasSubstr("a 120/400 steps (30 %), ETA 0:40, epoch 1, loss 0.5000"));
  EXPECT_EQ(view.show({run()}, 0), "") << "nothing has changed";
  log("the disk is slow", "warning");
  RunStatus later = run(130);
  later.checkpoint_step = 130;
  const std::string second = view.show({later}, 0);
  EXPECT_THAT(second, HasSubstr(" warning: the disk is slow\n"));
  EXPECT_THAT(second, HasSubstr(" checkpoint of step 130\n"));
  EXPECT_THAT(second, Not(HasSubstr("epoch-0001")));
}

TEST_F(WatchViewTest, SaysWhyOneRunHasEnded) {
  WatchView view(std::nullopt);
  RunStatus stopped = run();
  stopped.phase = RunPhase::kStopped;
  stopped.reason = "signal at step 120; submit it again";
  EXPECT_THAT(view.show({stopped}, 0),
              HasSubstr("a: stopped, step 120/400 (30 %): signal at step 120; submit it again\n"));
}

TEST_F(WatchViewTest, SaysOfSeveralRunsWhatHasChanged) {
  WatchView view(std::nullopt);
  RunStatus other = run();
  other.folder = folder_ / "b";
  other.name = "b";
  EXPECT_THAT(view.show({run(), other}, 0), HasSubstr("b: running"));
  RunStatus moved = run(125);
  EXPECT_EQ(view.show({moved, other}, 0), "") << "a step is no news of many";
  other.phase = RunPhase::kDone;
  const std::string news = view.show({moved, other}, 0);
  EXPECT_THAT(news, HasSubstr("b: done"));
  EXPECT_THAT(news, Not(HasSubstr("a:")));
}

TEST_F(WatchViewTest, DrawsATableOfSeveralRunsOnATerminal) {
  WatchView view(TerminalSize{.columns = 60, .rows = 10});
  RunStatus other = run();
  other.name = "b";
  const std::string drawn = view.show({run(), other}, 0);
  EXPECT_THAT(drawn, HasSubstr("name"));
  EXPECT_THAT(drawn, HasSubstr("running"));
  EXPECT_EQ(view.show({run(), other}, 0), "");
  EXPECT_EQ(view.finish(), "\n");
}

RunStatus ended(RunPhase phase, std::optional<int> code = std::nullopt) {
  RunStatus run;
  run.phase = phase;
  run.exit_code = code;
  return run;
}

TEST(WatchExitCode, IsThatOfTheRuns) {
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kDone), ended(RunPhase::kDone)}), 0);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kDone), ended(RunPhase::kStopped)}), 75);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kStopped), ended(RunPhase::kFailed, 3)}), 3);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kFailed, 3), ended(RunPhase::kFailed, 3)}), 3);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kFailed, 3), ended(RunPhase::kFailed, 6)}), 1);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kFailed)}), 1);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kLost)}), 1);
  EXPECT_EQ(watch_exit_code({ended(RunPhase::kRunning), ended(RunPhase::kPending)}), 0);
  EXPECT_EQ(watch_exit_code({}), 0);
}

TEST(WatchEnd, WaitsForTheWordOfALostRunsSurvivors) {
  EXPECT_FALSE(has_ended(ended(RunPhase::kRunning), 100));
  EXPECT_FALSE(has_ended(ended(RunPhase::kPending), 100));
  EXPECT_FALSE(has_ended(ended(RunPhase::kLost), 1));
  EXPECT_TRUE(has_ended(ended(RunPhase::kLost), 10));
  for (const RunPhase phase : {RunPhase::kDone, RunPhase::kStopped, RunPhase::kFailed})
    EXPECT_TRUE(has_ended(ended(phase), 0));
}

}  // namespace
}  // namespace catamaran
