#include "monitoring/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "metrics_fixture.h"
#include "monitoring/metric_table.h"
#include "support/clock.h"
#include "temporary_directory.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, AResumedRunIsWhereItStoodBeforeItsNextStepEnds) {
  const Metrics fresh(run_info());
  EXPECT_EQ(value_of(fresh, "catamaran_step"), 0);
  EXPECT_EQ(value_of(fresh, "catamaran_epoch"), 0);
  RunInfo info = run_info();
  info.steps_per_epoch = 20;
  info.first_step = 40;  // the last step of the second epoch is done
  const Metrics resumed(info);
  EXPECT_EQ(value_of(resumed, "catamaran_step"), 40);
  EXPECT_EQ(value_of(resumed, "catamaran_epoch"), 1);
  EXPECT_EQ(value_of(resumed, "catamaran_progress_ratio"), 0.4);
  EXPECT_EQ(value_of(resumed, "catamaran_steps_total{result=\"ok\"}"), 0);
}

TEST(Metrics, PassPromtool) {
  Metrics metrics(run_info());
  metrics.record(step_report(1));
  StepReport broken = step_report(2);
  broken.loss = std::nan("");
  broken.gradient_norm = INFINITY;
  broken.applied = false;
  metrics.record(broken);
  const TemporaryDirectory folder;
  const auto page = folder.path() / "page.txt";
  const auto complaints = folder.path() / "complaints.txt";
  write_text(page, metrics.text());
  const std::string command =
      "promtool check metrics < '" + page.string() + "' > '" + complaints.string() + "' 2>&1";
  const int status = std::system(command.c_str());
  ASSERT_NE(WEXITSTATUS(status), 127) << "promtool is missing: apt-get install prometheus";
  EXPECT_EQ(status, 0) << read_text(complaints);
  EXPECT_EQ(read_text(complaints), "");
}

TEST(Metrics, ExistFromTheStartWithEveryLabelValue) {
  const Metrics metrics(run_info());
  const std::string text = metrics.text();
  for (const auto* table : {&metric_table(), &rank_metric_table(), &process_metric_table()}) {
    for (const MetricDescription& metric : *table) {
      if (metric.name.starts_with("catamaran_gpu_")) continue;  // without NVML there is none
      EXPECT_THAT(text, HasSubstr("\n# TYPE " + metric.name + " "));
      EXPECT_THAT(text, HasSubstr("\n" + metric.name + (metric.buckets.empty() ? "" : "_bucket")));
      for (const MetricLabel& label : metric.labels) {
        if (label.beside) continue;
        for (const std::string& value : label.values)
          EXPECT_THAT(text, HasSubstr(label.name + "=\"" + value + "\"")) << metric.name;
      }
    }
  }
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoints_total{kind=\"signal\",result=\"error\"}"), 0);
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"skipped_nonfinite\"}"), 0);
  EXPECT_THAT(text, Not(HasSubstr("catamaran_gpu_")));
  EXPECT_THAT(text, Not(HasSubstr("head=")));
}

TEST(Metrics, HaveNoSeriesThatTheTableLacks) {
  Metrics metrics(run_info());
  metrics.record(step_report(1));
  metrics.record_evaluation("ema", Evaluation(), 1);
  RankFigures figures;
  figures.gpu = {1, 2, 0.5, 60, 300, 0};
  metrics.record_figures(std::vector(4, figures), 1);
  std::set<std::string> known;
  for (const auto* table : {&metric_table(), &rank_metric_table(), &process_metric_table()}) {
    for (const MetricDescription& metric : *table) known.insert(metric.name);
  }
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# TYPE ", 0) != 0) continue;
    EXPECT_EQ(known.count(line.substr(7, line.rfind(' ') - 7)), 1u) << line;
  }
}

TEST(Metrics, CarryTheRunsNamesAsLabels) {
  const Metrics metrics(run_info());
  EXPECT_THAT(metrics.text(), HasSubstr("run=\"voc \\\"07\\\"\""));
  EXPECT_THAT(metrics.text(), HasSubstr("world_size=\"4\""));
}

TEST(Metrics, StartTimestampsAtTheStartSoThatAgesAreSmall) {
  RunInfo info = run_info();
  const double started = unix_seconds() - 20;  // of the process: models take their time to load
  info.started_unix_seconds = started;
  const Metrics metrics(info);
  for (const char* name :
       {"catamaran_start_timestamp_seconds", "catamaran_last_step_timestamp_seconds",
        "catamaran_last_eval_timestamp_seconds", "catamaran_last_checkpoint_timestamp_seconds",
        "catamaran_oldest_heartbeat_timestamp_seconds"}) {
    EXPECT_NEAR(value_of(metrics, name).value_or(0), started, 0.001) << name;
  }
  const double now = unix_seconds();
  EXPECT_NEAR(value_of(Metrics(run_info()), "catamaran_start_timestamp_seconds").value_or(0), now,
              5);
}

TEST(Metrics, SayTheStateInExactlyOneSeries) {
  Metrics metrics(run_info());
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"init\"}"), 1);
  metrics.set_state(RunState::kEval);
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"eval\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"init\"}"), 0);
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"train\"}"), 0);
}

TEST(Metrics, ShowTheSelfTestOfAStartLikeAnyOtherState) {
  Metrics metrics(run_info());
  metrics.set_state(RunState::kSelfTest);
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"self_test\"}"), 1);
  metrics.record_self_test(1.5);
  EXPECT_EQ(value_of(metrics, "catamaran_phase_seconds_total{phase=\"self_test\"}"), 1.5);
  metrics.set_state(RunState::kTrain);
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"self_test\"}"), 0);
  EXPECT_EQ(value_of(metrics, "catamaran_state{state=\"train\"}"), 1);
}

TEST(Metrics, FollowAStep) {
  Metrics metrics(run_info());
  metrics.record(step_report(25));
  EXPECT_EQ(value_of(metrics, "catamaran_step"), 25);
  EXPECT_EQ(value_of(metrics, "catamaran_epoch"), 2);
  EXPECT_EQ(value_of(metrics, "catamaran_progress_ratio"), 0.25);
  EXPECT_EQ(value_of(metrics, "catamaran_eta_seconds"), 75 * 0.5);
  EXPECT_EQ(value_of(metrics, "catamaran_samples_total{split=\"train\"}"), 64);
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"ok\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_loss"), 0.25);
  EXPECT_EQ(value_of(metrics, "catamaran_learning_rate"), 0.01);
  EXPECT_EQ(value_of(metrics, "catamaran_gradient_norm"), 1.5);
  EXPECT_EQ(value_of(metrics, "catamaran_loss_scale"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_fusion_weight{weight=\"alpha\"}"), 0.5);
  EXPECT_EQ(value_of(metrics, "catamaran_allreduce_bytes_total{op=\"gradient\"}"), 1000);
  EXPECT_EQ(value_of(metrics, "catamaran_allreduce_seconds_total{op=\"gradient\"}"), 0.0625);
  EXPECT_EQ(value_of(metrics, "catamaran_allreduce_overlap_ratio"), 0.5);
  EXPECT_EQ(value_of(metrics, "catamaran_step_duration_seconds_count"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_step_duration_seconds_bucket{le=\"0.5\"}"), 1)
      << "a step of exactly a bucket's bound belongs to it";
  EXPECT_EQ(value_of(metrics, "catamaran_step_duration_seconds_bucket{le=\"0.3\"}"), 0);
}

TEST(Metrics, CountAStepThatWasSkippedAndKeepTheSmoothedLoss) {
  Metrics metrics(run_info());
  metrics.record(step_report(1));
  StepReport broken = step_report(2);
  broken.applied = false;
  broken.loss = std::nan("");
  metrics.record(broken);
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"skipped_nonfinite\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_nonfinite_steps_total"), 1);
  broken.spike = true;
  metrics.record(broken);
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"skipped_spike\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_loss_spikes_total"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"skipped_nonfinite\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_nonfinite_steps_total"), 1);
  EXPECT_TRUE(std::isnan(value_of(metrics, "catamaran_loss").value_or(0)));
  EXPECT_EQ(value_of(metrics, "catamaran_loss_smoothed"), 0.25);
}

TEST(Metrics, PhasesSumToWallTime) {
  double now = 100;
  RunInfo info = run_info();
  info.started_unix_seconds = unix_seconds() - 8;  // in which packs and the model were loaded
  Metrics metrics(info, [&now] { return now; });
  const auto after = [&now](double seconds) { now += seconds; };
  after(1.5), metrics.record_self_test(1.25);
  for (int step = 1; step <= 10; ++step) after(0.5 + 0.02), metrics.record(step_report(step));
  after(3.0), metrics.record_evaluation("raw", Evaluation(), 3.0);
  after(0.375), metrics.record_stall(0.25);
  metrics.record_checkpoint(CheckpointResult::kOk, "periodic", 20.0, 0.25, 1 << 20);
  after(0.52), metrics.record(step_report(11));
  const double wall = 8 + (now - 100);
  EXPECT_NEAR(sum_of_phases(metrics), wall, 0.01 * wall)
      << "writing in the background is not wall time of the loop";
  EXPECT_NEAR(sum_of_phases(metrics), wall, 0.1) << "but for the clock of the process's start";
  const double rest = 0.5 - 0.01 - 0.005 - 0.125 - 0.25 - 0.03125 - 0.0078125 - 0.0625;
  EXPECT_NEAR(value_of(metrics, "catamaran_phase_seconds_total{phase=\"other\"}").value_or(0),
              8 + 0.25 + 11 * (rest + 0.02) + 0.125, 0.1);
  EXPECT_NEAR(value_of(metrics, "catamaran_phase_seconds_total{phase=\"h2d\"}").value_or(0),
              11 * 0.005, 1e-9);
  EXPECT_EQ(value_of(metrics, "catamaran_phase_seconds_total{phase=\"eval\"}"), 3);
  EXPECT_EQ(value_of(metrics, "catamaran_phase_seconds_total{phase=\"checkpoint_stall\"}"), 0.25);
}

TEST(Metrics, KeepTheBestMapApartFromTheNewest) {
  Metrics metrics(run_info());
  Evaluation evaluation;
  evaluation.images = 10;
  evaluation.map = 0.75;
  evaluation.all.of1 = 0.5;
  evaluation.all.cf1 = 0.25;
  metrics.record_evaluation("ema", evaluation, 1);
  evaluation.map = 0.5;
  metrics.record_evaluation("ema", evaluation, 1);
  EXPECT_EQ(value_of(metrics, "catamaran_eval_map_ratio{split=\"eval\",weights=\"ema\"}"), 0.5);
  EXPECT_EQ(value_of(metrics, "catamaran_eval_map_ratio{split=\"eval\",weights=\"raw\"}"), 0);
  EXPECT_EQ(value_of(metrics, "catamaran_best_map_ratio"), 0.75);
  EXPECT_EQ(value_of(metrics, "catamaran_eval_f1_ratio{average=\"micro\"}"), 0.5);
  EXPECT_EQ(value_of(metrics, "catamaran_eval_f1_ratio{average=\"macro\"}"), 0.25);
  EXPECT_EQ(value_of(metrics, "catamaran_samples_total{split=\"eval\"}"), 20);
}

TEST(Metrics, CountAFailedCheckpointWithoutCallingItTheNewest) {
  Metrics metrics(run_info());
  metrics.record_checkpoint(CheckpointResult::kSkipped, "final", 0, 0.1, 0);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoints_total{kind=\"final\",result=\"skipped\"}"), 1);
  metrics.record_checkpoint(CheckpointResult::kOk, "periodic", 2, 0.1, 1000);
  metrics.record_checkpoint(CheckpointResult::kError, "final", 5, 0.1, 0);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoints_total{kind=\"final\",result=\"error\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoints_total{kind=\"periodic\",result=\"ok\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoint_bytes"), 1000);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoint_write_duration_seconds_count"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoint_stall_duration_seconds_count"), 3);
}

TEST(Metrics, NameTheSlowestRank) {
  Metrics metrics(run_info());
  EXPECT_EQ(value_of(metrics, "catamaran_slowest_rank_factor"), 1);
  StepReport report = step_report(1);
  report.slowest = {.rank = 3, .seconds = 0.5, .median_seconds = 0.25};
  metrics.record(report);
  EXPECT_EQ(value_of(metrics, "catamaran_slowest_rank"), 3);
  EXPECT_EQ(value_of(metrics, "catamaran_slowest_rank_factor"), 2);
}

TEST(Metrics, CountConsistencyChecksAndTheirFailures) {
  Metrics metrics(run_info());
  metrics.record_consistency_check(true);
  metrics.record_consistency_check(false);
  EXPECT_EQ(value_of(metrics, "catamaran_consistency_checks_total"), 2);
  EXPECT_EQ(value_of(metrics, "catamaran_consistency_check_failures_total"), 1);
}

TEST(Metrics, DescribeTheProcess) {
  const Metrics metrics(run_info());
  EXPECT_GT(value_of(metrics, "process_resident_memory_bytes").value_or(0), 1e6);
  EXPECT_GE(value_of(metrics, "process_open_fds").value_or(0), 3);
  EXPECT_GE(value_of(metrics, "process_threads").value_or(0), 1);
  EXPECT_GE(value_of(metrics, "process_cpu_seconds_total").value_or(-1), 0);
  const double started = value_of(metrics, "process_start_time_seconds").value_or(0);
  EXPECT_NEAR(started, unix_seconds(), 3600) << "the test process is young";
}

TEST(Metrics, MayBeRecordedFromSeveralThreadsWhileTheyAreScraped) {
  Metrics metrics(run_info());
  constexpr int kSteps = 200;
  std::thread trainer([&] {
    for (int step = 1; step <= kSteps; ++step) metrics.record(step_report(step));
  });
  std::thread writer([&] {
    for (int i = 0; i < kSteps; ++i)
      metrics.record_checkpoint(CheckpointResult::kOk, "periodic", 1, 0.1, 10);
  });
  for (int scrape = 0; scrape < 20; ++scrape)
    EXPECT_THAT(metrics.text(), HasSubstr("catamaran_step "));
  trainer.join();
  writer.join();
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"ok\"}"), kSteps);
  EXPECT_EQ(value_of(metrics, "catamaran_checkpoints_total{kind=\"periodic\",result=\"ok\"}"),
            kSteps);
}

TEST(Metrics, RefuseALabelValueThatTheTableLacks) {
  Metrics metrics(run_info());
  EXPECT_THROW(metrics.record_evaluation("swa", Evaluation(), 1), std::logic_error);
}

TEST(MetricsPage, IsMadeFromTheTable) {
  if (const char* page = std::getenv("CATAMARAN_WRITE_METRICS_PAGE"))
    write_text(page, metrics_markdown());
  const char* golden = std::getenv("CATAMARAN_GOLDEN");
  ASSERT_NE(golden, nullptr) << "CATAMARAN_GOLDEN names the page's copy; ctest sets it";
  EXPECT_EQ(read_text(std::filesystem::path(golden) / "metrics.md"), metrics_markdown())
      << "write it again: CATAMARAN_WRITE_METRICS_PAGE=/.../docs/metrics.md ctest -R MetricsPage, "
         "twice";
}

}  // namespace
}  // namespace catamaran
