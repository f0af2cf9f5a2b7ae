#include "launch/status_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/terminal.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

RunStatus running() {
  RunStatus run;
  run.folder = "runs/a";
  run.name = "a";
  run.phase = RunPhase::kRunning;
  run.host = "n1";
  run.job_id = "1207_3";
  run.step = 120;
  run.total_steps = 400;
  run.epoch = 1;
  run.loss = 0.3125;
  run.learning_rate = 1e-3;
  run.images_per_second = 52.1;
  run.map = 0.45;
  run.best_map = 0.4612;
  run.eta_seconds = 40;
  run.updated_unix_seconds = 1000;
  run.started_unix_seconds = 500;
  run.checkpoint_step = 100;
  return run;
}

RunStatus failed() {
  RunStatus run;
  run.folder = "runs/b";
  run.name = "b";
  run.phase = RunPhase::kFailed;
  run.reason = "rank 1 failed:\nthe shard is gone";
  run.step = 40;
  run.updated_unix_seconds = 900;
  run.started_unix_seconds = 600;
  return run;
}

std::vector<std::string> names(const std::vector<RunStatus>& runs) {
  std::vector<std::string> all;
  for (const RunStatus& run : runs) all.push_back(run.name);
  return all;
}

TEST(StatusTable, HasALineForEachRun) {
  const std::vector<std::string> lines = status_table({running(), failed()}, 1030, 0);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], StartsWith("name  state"));
  for (const char* part : {"a ", "running", "120/400 (30 %)", "0:40", "0.3125", "45.00", "46.12",
                           "100", "30 s", "1207_3", "n1"})
    EXPECT_THAT(lines[1], HasSubstr(part));
  for (const char* part : {"failed", " 40 ", "2 min", "rank 1 failed: the shard is gone"})
    EXPECT_THAT(lines[2], HasSubstr(part));
}

TEST(StatusTable, FitsEveryTerminal) {
  for (int64_t width = 10; width < 200; ++width) {
    for (const std::string& line : status_table({running(), failed()}, 1030, width))
      EXPECT_LE(columns_of(line), width);
  }
  EXPECT_THAT(status_table({failed()}, 1030, 80)[1], HasSubstr("failed"));
  EXPECT_THAT(status_table({running()}, 1030, 60)[0], Not(HasSubstr("host")));
}

TEST(StatusTable, TellsRunsOfOneNameApart) {
  RunStatus other = running();
  other.folder = "old/a";
  const std::vector<std::string> lines = status_table({running(), other}, 1030, 0);
  EXPECT_THAT(lines[1], StartsWith("a (runs/a)"));
  EXPECT_THAT(lines[2], StartsWith("a (old/a)"));
}

TEST(StatusTable, ShowsARunWithNothing) {
  const std::vector<std::string> lines = status_table({RunStatus()}, 1030, 0);
  EXPECT_THAT(lines[1], HasSubstr("pending"));
  EXPECT_THAT(lines[1], Not(HasSubstr("1970")));
}

TEST(StatusTable, SaysALossThatIsNotFinite) {
  RunStatus run = running();
  run.loss = NAN;
  EXPECT_THAT(status_table({run}, 1030, 0)[1], HasSubstr("not finite"));
}

TEST(RunOrderNames, ReadBack) {
  for (const std::string& name : run_order_names()) EXPECT_TRUE(run_order_named(name)) << name;
  EXPECT_FALSE(run_order_named("age"));
}

TEST(SortRuns, PutsFirstWhatIsAskedFor) {
  RunStatus pending;
  pending.name = "c";
  std::vector<RunStatus> runs = {failed(), pending, running()};
  sort_runs(runs, RunOrder::kUpdated);
  EXPECT_THAT(names(runs), ElementsAre("a", "b", "c"));
  sort_runs(runs, RunOrder::kStarted);
  EXPECT_THAT(names(runs), ElementsAre("b", "a", "c"));
  sort_runs(runs, RunOrder::kState);
  EXPECT_THAT(names(runs), ElementsAre("a", "b", "c"));
  sort_runs(runs, RunOrder::kMap);
  EXPECT_THAT(names(runs), ElementsAre("a", "b", "c")) << "those without one last, newest first";
  runs[1].loss = 0.1;
  runs[1].images_per_second = 1;
  sort_runs(runs, RunOrder::kLoss);
  EXPECT_THAT(names(runs), ElementsAre("b", "a", "c"));
  sort_runs(runs, RunOrder::kStep);
  EXPECT_THAT(names(runs), ElementsAre("a", "b", "c"));
  sort_runs(runs, RunOrder::kName);
  EXPECT_THAT(names(runs), ElementsAre("a", "b", "c"));
}

TEST(StatusSentence, SaysHowFarOneIsOrWhyItEnded) {
  EXPECT_EQ(status_sentence(running()),
            "running, step 120/400 (30 %), epoch 2, loss 0.3125, mAP 45.00, lr 1.00e-03, 52.1 "
            "img/s, data wait 0.0 %, checkpoint of step 100");
  EXPECT_EQ(status_sentence(failed()), "failed, step 40: rank 1 failed: the shard is gone");
  EXPECT_EQ(status_sentence(RunStatus()), "pending");
}

TEST(AgeText, HasAUnitThatFits) {
  EXPECT_EQ(age_text(-5), "0 s");
  EXPECT_EQ(age_text(119), "119 s");
  EXPECT_EQ(age_text(121), "2 min");
  EXPECT_EQ(age_text(7300), "2 h");
  EXPECT_EQ(age_text(9 * 86400), "9 d");
}

}  // namespace
}  // namespace catamaran
