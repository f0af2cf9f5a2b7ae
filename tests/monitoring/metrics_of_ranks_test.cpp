// What metrics say beyond a step of their own rank: of all ranks, of collectives, and of the whole
// life of a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "metrics_fixture.h"
#include "support/clock.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

TEST(MetricsOfRanks, AddUpTheTotalsOfAllRanksAndShowTheEmptiestQueue) {
  Metrics metrics(run_info());
  RankFigures first{.read_bytes = 1000,
                    .decode_seconds = 2,
                    .cache_hits = 1,
                    .ready_batches = 3,
                    .log_warnings = 2,
                    .log_errors = 0};
  RankFigures second = first;
  second.ready_batches = 1;
  second.log_errors = 1;
  metrics.record_figures(std::vector{first, second}, 12.5);
  first.read_bytes = 1500;
  metrics.record_figures(std::vector{first, second}, 13);
  EXPECT_EQ(value_of(metrics, "catamaran_read_bytes_total"), 2500);
  EXPECT_EQ(value_of(metrics, "catamaran_decode_seconds_total"), 4);
  EXPECT_EQ(value_of(metrics, "catamaran_cache_hits_total"), 2);
  EXPECT_EQ(value_of(metrics, "catamaran_queue_batches"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_log_messages_total{level=\"warn\"}"), 4);
  EXPECT_EQ(value_of(metrics, "catamaran_log_messages_total{level=\"error\"}"), 1);
  EXPECT_EQ(value_of(metrics, "catamaran_parameter_norm"), 13);
}

TEST(MetricsOfRanks, ShowThemOneByOneInAWorldOfUpTo64) {
  RunInfo info = run_info();
  info.world_size = 64;
  Metrics metrics(info);
  StepReport report = step_report(1);
  for (int rank = 0; rank < 64; ++rank) {
    report.compute_seconds_by_rank.push_back(rank == 9 ? 0.75 : 0.5);
    report.data_wait_seconds_by_rank.push_back(0.001 * rank);
  }
  metrics.record(report);
  EXPECT_EQ(value_of(metrics, "catamaran_rank_compute_seconds{rank=\"9\"}"), 0.75);
  EXPECT_EQ(value_of(metrics, "catamaran_rank_compute_seconds{stat=\"max\"}"), 0.75);
  EXPECT_EQ(value_of(metrics, "catamaran_rank_compute_seconds{stat=\"p50\"}"), 0.5);
  EXPECT_EQ(value_of(metrics, "catamaran_rank_data_wait_seconds{stat=\"min\"}"), 0);
  EXPECT_NEAR(value_of(metrics, "catamaran_rank_data_wait_seconds{rank=\"63\"}").value_or(0), 0.063,
              1e-9);
}

TEST(MetricsOfRanks, ShowTheLeastTheMiddleAndTheGreatestAloneInALargerWorld) {
  RunInfo info = run_info();
  info.world_size = 65;
  Metrics metrics(info);
  StepReport report = step_report(1);
  report.compute_seconds_by_rank.assign(65, 0.5);
  report.compute_seconds_by_rank[64] = 1.5;
  report.data_wait_seconds_by_rank.assign(65, 0.25);
  metrics.record(report);
  RankFigures figures;
  figures.gpu.power_watts = 300;
  metrics.record_figures(std::vector(65, figures), 1);
  metrics.set_gpus(std::vector<GpuName>(65, {.uuid = "GPU-1", .host = "node"}));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("rank=")));
  EXPECT_EQ(value_of(metrics, "catamaran_rank_compute_seconds{stat=\"max\"}"), 1.5);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_power_watts{stat=\"p50\"}"), 300);
}

TEST(MetricsOfRanks, ShowWhatNvmlTellsAndNoSeriesForTheRest) {
  Metrics metrics(run_info());
  metrics.set_gpus({{.uuid = "GPU-a", .host = "node1"}, {.uuid = "", .host = "node1"}});
  RankFigures first;
  first.gpu = {.memory_used_bytes = 1e9,
               .memory_total_bytes = 8e9,
               .utilization_ratio = 0.97,
               .temperature_celsius = 61,
               .power_watts = kUnknown,
               .ecc_errors = 2};
  RankFigures second;
  second.gpu.temperature_celsius = 70;
  metrics.record_figures(std::vector{first, second}, 1);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_info{rank=\"0\",gpu_uuid=\"GPU-a\",host=\"node1\"}"),
            1);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_memory_used_bytes{rank=\"0\"}"), 1e9);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_memory_total_bytes{rank=\"0\"}"), 8e9);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_utilization_ratio{rank=\"0\"}"), 0.97);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_temperature_celsius{rank=\"1\"}"), 70);
  EXPECT_EQ(value_of(metrics, "catamaran_gpu_ecc_errors_total{rank=\"0\"}"), 2);
  EXPECT_THAT(metrics.text(), HasSubstr("# TYPE catamaran_gpu_ecc_errors_total counter"));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("catamaran_gpu_power_watts")));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("catamaran_gpu_utilization_ratio{rank=\"1\"")));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("gpu_info{rank=\"1\"")));
}

TEST(MetricsOfRanks, AskForTheSilenceOfRanksAtEachScrape) {
  Metrics metrics(run_info());
  std::vector<double> silences = {3, 100, 1};
  metrics.follow_heartbeats([&silences] { return silences; });
  const char* oldest = "catamaran_oldest_heartbeat_timestamp_seconds";
  const char* age = "catamaran_watchdog_heartbeat_age_seconds";
  EXPECT_NEAR(value_of(metrics, oldest).value_or(0), unix_seconds() - 100, 5);
  EXPECT_EQ(value_of(metrics, std::string(age) + "{stat=\"max\"}"), 100);
  EXPECT_EQ(value_of(metrics, std::string(age) + "{stat=\"p50\"}"), 3);
  EXPECT_EQ(value_of(metrics, std::string(age) + "{stat=\"min\"}"), 1);
  silences = {1000, 1000, 1000};
  EXPECT_NEAR(value_of(metrics, oldest).value_or(0), unix_seconds() - 1000, 5);
  silences.clear();  // a world of one
  EXPECT_NEAR(value_of(metrics, oldest).value_or(0), unix_seconds(), 5);
  EXPECT_EQ(value_of(metrics, std::string(age) + "{stat=\"max\"}"), 0);
}

TEST(MetricsOfRanks, TellCollectivesApartByWhatTheyAreFor) {
  Metrics metrics(run_info());
  StepReport report = step_report(1);
  report.collectives = {{CollectiveOp::kGradient, 600, 0.004},
                        {CollectiveOp::kGradient, 400, 0.003},
                        {CollectiveOp::kMetrics, 200, 0.0005},
                        {CollectiveOp::kSync, 8, 2}};
  metrics.record(report);
  const auto of = [&](const char* name, const char* op) {
    return value_of(metrics, std::string(name) + "{op=\"" + op + "\"}");
  };
  EXPECT_EQ(of("catamaran_allreduce_bytes_total", "gradient"), 1000);
  EXPECT_EQ(of("catamaran_allreduce_seconds_total", "gradient"), 0.0625) << "mean over ranks";
  EXPECT_EQ(of("catamaran_allreduce_bytes_total", "metrics"), 200);
  EXPECT_EQ(of("catamaran_allreduce_bytes_total", "sync"), 8);
  EXPECT_EQ(of("catamaran_allreduce_seconds_total", "sync"), 2);
  EXPECT_EQ(of("catamaran_collective_duration_seconds_count", "gradient"), 2);
  const std::string page = metrics.text();
  EXPECT_EQ(value_in(page,
                     "catamaran_collective_duration_seconds_bucket{op=\"metrics\",le=\"0."
                     "0005\"}"),
            1)
      << "a bound belongs to its bucket";
  EXPECT_EQ(of("catamaran_collective_duration_seconds_sum", "sync"), 2);
}

TEST(MetricsOfRanks, ShowTheLossesOfHeadsBesideThatOfAllWhereTheyCount) {
  RunInfo info = run_info();
  info.heads_with_loss = 3;
  Metrics metrics(info);
  EXPECT_EQ(value_of(metrics, "catamaran_loss{head=\"3\"}"), 0);
  StepReport report = step_report(1);
  report.head_losses = {0.5, 0.75, 1};
  metrics.record(report);
  EXPECT_EQ(value_of(metrics, "catamaran_loss"), 0.25);
  EXPECT_EQ(value_of(metrics, "catamaran_loss{head=\"2\"}"), 0.75);
}

TEST(MetricsOfRanks, CountDamagedImagesByReason) {
  Metrics metrics(run_info());
  StepReport report = step_report(1);
  report.bad_samples = {1, 2, 3, 4, 5};
  metrics.record(report);
  metrics.record(report);
  for (size_t reason = 0; reason < kBadSampleReasons.size(); ++reason) {
    EXPECT_EQ(value_of(metrics, std::string("catamaran_bad_samples_total{reason=\"") +
                                    kBadSampleReasons[reason] + "\"}"),
              2 * (reason + 1.0));
  }
}

TEST(MetricsOfALife, TellWhatEarlierStartsLeft) {
  RunInfo info = run_info();
  const double now = unix_seconds();
  info.history = {.restarts = 3,
                  .restarts_without_progress = 2,
                  .lost_steps = 40,
                  .first_start_unix_seconds = now - 1000,
                  .useful_seconds = 500,
                  .best_map = 0.75};
  Metrics metrics(info);
  EXPECT_EQ(value_of(metrics, "catamaran_restarts"), 3);
  EXPECT_EQ(value_of(metrics, "catamaran_restarts_without_progress"), 2);
  EXPECT_EQ(value_of(metrics, "catamaran_lost_steps"), 40);
  EXPECT_EQ(value_of(metrics, "catamaran_best_map_ratio"), 0.75);
  EXPECT_NEAR(value_of(metrics, "catamaran_goodput_ratio").value_or(0), 0.5, 0.01);
  StepReport skipped = step_report(1);
  skipped.step_seconds = 200;
  skipped.applied = false;
  metrics.record(skipped);
  EXPECT_NEAR(value_of(metrics, "catamaran_goodput_ratio").value_or(0), 0.5, 0.01);
  skipped.applied = true;
  metrics.record(skipped);
  EXPECT_NEAR(value_of(metrics, "catamaran_goodput_ratio").value_or(0), 0.7, 0.01);
  info.history.useful_seconds = 100;
  metrics.set_history(info.history);
  EXPECT_NEAR(value_of(metrics, "catamaran_goodput_ratio").value_or(0), 0.1, 0.01);
}

TEST(MetricsOfALife, OfAFirstStartHasNothingBehindIt) {
  RunInfo info = run_info();
  info.started_unix_seconds = unix_seconds() - 100;
  Metrics metrics(info);
  EXPECT_EQ(value_of(metrics, "catamaran_restarts"), 0);
  EXPECT_EQ(value_of(metrics, "catamaran_goodput_ratio"), 0);
  StepReport report = step_report(1);
  report.step_seconds = 50;
  metrics.record(report);
  EXPECT_NEAR(value_of(metrics, "catamaran_goodput_ratio").value_or(0), 0.5, 0.01);
}

TEST(MetricsOfALife, HaveADeadlineThatNeverComesWhereThereIsNone) {
  const Metrics without(run_info());
  EXPECT_EQ(value_of(without, "catamaran_deadline_timestamp_seconds"),
            std::numeric_limits<double>::infinity());
  RunInfo info = run_info();
  info.deadline_unix_seconds = 2e9;
  EXPECT_EQ(value_of(Metrics(info), "catamaran_deadline_timestamp_seconds"), 2e9);
}

TEST(MetricsOfALife, ExpectACheckpointAfterSoManyStepsAndEvaluations) {
  RunInfo info = run_info();
  info.checkpoint_every_steps = 20;
  info.evaluate_every_steps = 10;
  Metrics metrics(info);
  const char* interval = "catamaran_checkpoint_interval_seconds";
  EXPECT_TRUE(std::isnan(value_of(metrics, interval).value_or(0)))
      << "an alert on the age of a checkpoint must not fire while the first step is awaited";
  metrics.record(step_report(1));
  EXPECT_EQ(value_of(metrics, interval), 20 * 0.5);
  metrics.record_evaluation("raw", Evaluation(), 30);
  EXPECT_EQ(value_of(metrics, interval), 20 * 0.5 + 2 * 30);
  Metrics at_the_end(run_info());
  at_the_end.record(step_report(1));
  EXPECT_EQ(value_of(at_the_end, interval), 100 * 0.5);
}

TEST(MetricsOfALife, ForgetAFreeSpaceThatIsAMinuteOld) {
  double now = 0;
  Metrics metrics(run_info(), [&now] { return now; });
  const char* free = "catamaran_run_dir_free_bytes";
  EXPECT_TRUE(std::isnan(value_of(metrics, free).value_or(0)));
  metrics.set_free_bytes(1e12);
  now = 60;
  EXPECT_EQ(value_of(metrics, free), 1e12);
  now = 61;
  EXPECT_TRUE(std::isnan(value_of(metrics, free).value_or(0)));
}

TEST(MetricsOfALife, CountStepsThatWereUndone) {
  Metrics metrics(run_info());
  metrics.record_rollback(7);
  metrics.record_rollback(-1);
  EXPECT_EQ(value_of(metrics, "catamaran_steps_total{result=\"rolled_back\"}"), 7);
}

TEST(MetricsOfALife, TellHowLongThePageBeforeTook) {
  const Metrics metrics(run_info());
  EXPECT_EQ(value_of(metrics, "catamaran_scrape_render_seconds"), 0);
  const double seconds = value_of(metrics, "catamaran_scrape_render_seconds").value_or(0);
  EXPECT_GT(seconds, 0);
  EXPECT_LT(seconds, 1);
}

}  // namespace
}  // namespace catamaran
