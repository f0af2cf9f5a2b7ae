#include "trainer/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "file_content.h"
#include "monitoring/discovery.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class MonitorTest : public testing::Test {
 protected:
  MonitorTest() {
    options_.monitoring.address = "127.0.0.1";
    options_.log.samples = true;
    fs::remove(said_);
  }
  void TearDown() override {
    for (const fs::path& path : {run_, moved_, said_}) fs::remove_all(path);
  }

  static MonitorSetup setup_of(const RunDirectory& directory) {
    MonitorSetup setup;
    setup.directory = &directory;
    return setup;
  }
  static int64_t lines(const fs::path& path) {
    const std::string all = file_content(path);
    return std::ranges::count(all, '\n');
  }
  static void make_step(Monitor& monitor, int64_t step) {
    monitor.record_samples(step, {"a", "b"});
    StepReport report;
    report.step = step;
    monitor.record(report);
  }
  static void evaluate(Monitor& monitor) {
    monitor.record(Evaluation(), "epoch-0001", "raw", 1, 1);
  }

  const fs::path run_ = fs::path(testing::TempDir()) / ("monitor-" + std::to_string(::getpid()));
  const fs::path moved_ = run_.string() + "-moved";
  const fs::path said_ = run_.string() + "-said";
  RunOptions options_;
};

TEST_F(MonitorTest, WritesLogsEvaluationsAndWhereTheMetricsAre) {
  RunDirectory run(run_, 0);
  run.keep();
  Monitor monitor(options_, setup_of(run));
  make_step(monitor, 1);
  evaluate(monitor);
  EXPECT_EQ(lines(run_ / "metrics.jsonl"), 1);
  EXPECT_EQ(lines(run_ / "samples.jsonl"), 1);
  EXPECT_THAT(file_content(run_ / "eval/epoch-0001.json"), HasSubstr("\"weights\": \"raw\""));
  EXPECT_THAT(file_content(run_ / "metrics-address.txt"), HasSubstr("http://127.0.0.1:"));
}

TEST_F(MonitorTest, WritesCurvesBesideTheEvaluationAndAnEventForEachCheckpoint) {
  RunDirectory run(run_, 0);
  run.keep();
  Monitor monitor(options_, setup_of(run));
  ScoreTable table;
  table.classes = {"cat"};
  table.images = 1;
  table.indices = {0};
  table.scores = {2};
  table.labels = {1};
  monitor.record(curves_of(table, protocol("default")), "epoch-0001");
  EXPECT_THAT(file_content(run_ / "curves/epoch-0001.json"), HasSubstr("\"true_positives\":[1]"));
  CheckpointEnd end;
  end.step = 7;
  end.kind = "periodic";
  end.ok = true;
  monitor.checkpoint_ended(end);
  EXPECT_THAT(file_content(run_ / "events.jsonl"), HasSubstr("\"event\":\"checkpoint\""));
  EXPECT_THAT(file_content(run_ / "events.jsonl"), HasSubstr("\"step\":7"));
}

TEST_F(MonitorTest, WritesWhatEachRankDidEveryTenSteps) {
  RunDirectory run(run_, 0);
  run.keep();
  MonitorSetup setup = setup_of(run);
  setup.info.world_size = 2;
  Monitor monitor(options_, setup);
  StepReport report;
  report.compute_seconds_by_rank = {0.123456, 0.25};
  report.data_wait_seconds_by_rank = {0, 0.5};
  for (report.step = 1; report.step <= 25; ++report.step) monitor.record(report);
  EXPECT_EQ(lines(run_ / "ranks.jsonl"), 2);
  EXPECT_THAT(file_content(run_ / "ranks.jsonl"),
              HasSubstr("{\"step\":10,\"compute_seconds\":[0.1235,0.25],"
                        "\"data_wait_seconds\":[0.0,0.5]}"));
}

TEST_F(MonitorTest, WritesEventsForTensorBoardWhereTheyAreAskedFor) {
  options_.monitoring.tensorboard = true;
  RunDirectory run(run_, 0);
  run.keep();
  Monitor monitor(options_, setup_of(run));
  EXPECT_FALSE(fs::exists(run_ / "tensorboard")) << "nothing of a start that may still fail";
  make_step(monitor, 1);
  evaluate(monitor);
  ASSERT_TRUE(fs::exists(run_ / "tensorboard"));
  const std::string events = file_content(fs::directory_iterator(run_ / "tensorboard")->path());
  EXPECT_THAT(events, HasSubstr("train/loss"));
  EXPECT_THAT(events, HasSubstr("eval_raw/map"));
  RunDirectory second(run_, 0, TakeOver::kByForce);
  second.keep();
  monitor.set_state(RunState::kTrain);
  make_step(monitor, 2);
  EXPECT_EQ(file_content(fs::directory_iterator(run_ / "tensorboard")->path()), events);
}

TEST_F(MonitorTest, SaysOnceThatTheRunWasTakenOverAndWritesNothingMore) {
  RunDirectory first(run_, 0);
  first.keep();
  Monitor monitor(options_, setup_of(first));
  make_step(monitor, 1);
  RunDirectory second(run_, 0, TakeOver::kByForce);
  second.keep();
  {
    const LogFile said(said_, 0);
    for (int64_t step = 2; step < 5; ++step) {
      monitor.set_state(RunState::kCheckpoint);
      make_step(monitor, step);
    }
    evaluate(monitor);
  }
  EXPECT_EQ(lines(run_ / "metrics.jsonl"), 1);
  EXPECT_EQ(lines(run_ / "samples.jsonl"), 1);
  EXPECT_FALSE(monitor.wants_samples());
  EXPECT_FALSE(fs::exists(run_ / "eval"));
  const std::string said = file_content(said_);
  const size_t once = said.find("nothing more is logged there");
  ASSERT_NE(once, std::string::npos) << said;
  EXPECT_EQ(said.find("nothing more is logged there", once + 1), std::string::npos) << said;
  EXPECT_THAT(said, HasSubstr("an evaluation is in the log alone"));
}

TEST_F(MonitorTest, GoesOnWithTheLogsOfARunThatWasMovedAndWritesNothingWhereItWas) {
  RunDirectory run(run_, 0);
  run.keep();
  Monitor monitor(options_, setup_of(run));
  fs::rename(run_, moved_);
  monitor.set_state(RunState::kEval);
  evaluate(monitor);
  make_step(monitor, 1);
  EXPECT_FALSE(fs::exists(run_));
  EXPECT_EQ(lines(moved_ / "metrics.jsonl"), 1);
  EXPECT_EQ(lines(moved_ / "samples.jsonl"), 1);
  fs::rename(moved_, run_);
  evaluate(monitor);
  EXPECT_TRUE(fs::exists(run_ / "eval/epoch-0001.json"));
}

TEST_F(MonitorTest, DoesNotBeginInARunThatWasTakenOver) {
  RunDirectory first(run_, 0);
  first.keep();
  RunDirectory second(run_, 0, TakeOver::kByForce);
  second.keep();
  EXPECT_THROW(Monitor(options_, setup_of(first)), WeightsError);
  EXPECT_FALSE(fs::exists(run_ / "metrics.jsonl"));
  EXPECT_FALSE(fs::exists(run_ / "metrics-address.txt"));
}

TEST_F(MonitorTest, TellsWhereItIsToBeFoundFromItsStartToACleanEnd) {
  const fs::path folder = run_.string() + "-discovery";
  options_.monitoring.discovery_folder = folder.string();
  options_.monitoring.cluster = "alps";
  RunDirectory run(run_, 0);
  run.keep();
  MonitorSetup setup = setup_of(run);
  setup.info.run = "cat-1";
  {
    Monitor monitor(options_, setup);
    EXPECT_FALSE(fs::exists(folder)) << "the start may still fail";
    monitor.announce();
    const DiscoveryFolder found = read_discovery(folder);
    ASSERT_EQ(found.targets.size(), 1u);
    EXPECT_EQ(found.targets[0].run, "cat-1");
    EXPECT_EQ(found.targets[0].cluster, "alps");
    EXPECT_EQ(found.targets[0].run_dir, run_.string());
    EXPECT_THAT(file_content(run_ / "metrics-address.txt"),
                HasSubstr("http://" + found.targets[0].address + "/metrics"));
    EXPECT_FALSE(found.targets[0].user.empty());
    monitor.ended_cleanly();
    EXPECT_TRUE(read_discovery(folder).targets.empty());
  }
  {
    Monitor crashes(options_, setup);
    crashes.announce();
  }
  EXPECT_EQ(read_discovery(folder).targets.size(), 1u);
  fs::remove_all(folder);
}

TEST_F(MonitorTest, CountsStepsOfTheLifeBeforeThatAreDoneAgainAndThoseThatAreNot) {
  RunDirectory run(run_, 0);
  run.keep();
  {
    Monitor before(options_, setup_of(run));
    StepReport report;
    report.step_seconds = 2;
    for (report.step = 1; report.step <= 30; ++report.step) before.record(report);
  }
  MonitorSetup setup = setup_of(run);
  setup.info.first_step = 20;
  setup.info.history = {.restarts = 1,
                        .restarts_without_progress = 0,
                        .lost_steps = 5,
                        .first_start_unix_seconds = unix_seconds() - 80,
                        .useful_seconds = 0,
                        .best_map = 0};
  const Monitor monitor(options_, setup);
  EXPECT_EQ(monitor.repeated_steps(), 10);
  const std::string page = monitor.metrics()->text();
  EXPECT_THAT(page, HasSubstr("\ncatamaran_lost_steps 15\n"));
  const size_t goodput = page.find("\ncatamaran_goodput_ratio ");
  ASSERT_NE(goodput, std::string::npos);
  EXPECT_NEAR(std::stod(page.substr(page.find(' ', goodput))), 20 * 2 / 80.0, 0.05);
}

TEST_F(MonitorTest, HasNobodyToWaitForWhereItIsNotScraped) {
  RunDirectory run(run_, 0);
  run.keep();
  const Monitor monitor(options_, setup_of(run));
  EXPECT_FALSE(monitor.linger(/*ended_well=*/true)) << "it has lasted less than linger_seconds";
  ASSERT_TRUE(monitor.linger(/*ended_well=*/false));
  EXPECT_TRUE(monitor.linger(/*ended_well=*/false)->is_over());
  options_.monitoring.enabled = false;
  EXPECT_FALSE(Monitor(options_, setup_of(run)).linger(/*ended_well=*/false));
}

TEST_F(MonitorTest, KnowsHowMuchSpaceIsLeftWhereTheRunIs) {
  RunDirectory run(run_, 0);
  run.keep();
  const Monitor monitor(options_, setup_of(run));
  const Stopwatch watch;
  const auto free_bytes = [&] {
    const std::string page = monitor.metrics()->text();
    const size_t at = page.find("\ncatamaran_run_dir_free_bytes ");
    return at == std::string::npos ? -1 : std::stod(page.substr(page.find(' ', at)));
  };
  while (!(free_bytes() > 0) && watch.seconds() < 20)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GT(free_bytes(), 0);
}

TEST_F(MonitorTest, DoesNothingWithoutARunDirectory) {
  Monitor monitor(options_, {});
  monitor.set_state(RunState::kTrain);
  make_step(monitor, 1);
  evaluate(monitor);
  EXPECT_FALSE(monitor.wants_samples());
  EXPECT_FALSE(fs::exists(run_));
}

}  // namespace
}  // namespace catamaran
