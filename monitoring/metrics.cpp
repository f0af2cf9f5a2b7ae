#include "monitoring/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>

#include "monitoring/process_metrics.h"
#include "monitoring/rank_metrics.h"
#include "monitoring/run_rhythm.h"
#include "monitoring/series_set.h"
#include "monitoring/step_series.h"

namespace catamaran {
namespace {

constexpr std::array<const char*, 6> kStates = {"init", "self_test",  "train",
                                                "eval", "checkpoint", "finish"};
constexpr std::array<const char*, 3> kResults = {"ok", "error", "skipped"};
constexpr double kFreeSpaceIsOld = 60;  // seconds

template <typename Enum, size_t size>
const char* name_of(Enum value, const std::array<const char*, size> names) {
  return names[static_cast<size_t>(value)];
}

}  // namespace

struct Metrics::Series {
  Series(const RunInfo& info, std::function<double()> clock)
      : steady(std::move(clock)),
        now_unix(unix_seconds()),
        started_unix(info.started_unix_seconds > 0 ? info.started_unix_seconds : now_unix),
        steps(set, info),
        ranks(info.world_size),
        wall(steady() - (now_unix - started_unix)) {}

  std::function<double()> steady;
  double now_unix;  // at the construction
  double started_unix;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  ProcessMetrics process;
  SeriesSet set{metric_table(), *registry};
  StepSeries steps;
  prometheus::Counter& rest = set.counter("catamaran_phase_seconds_total", {"other"});
  RankMetrics ranks;
  std::atomic<bool> has_stepped = false;
  std::atomic<RunState> state = RunState::kInit;

  std::mutex mutex;  // over what follows
  WallTime wall;
  Goodput goodput;
  double best_map = 0;
  RankFigures totals;                         // of the newest record, over all ranks
  std::optional<double> free_bytes_known_at;  // steady
  double render_seconds = 0;                  // of the newest page

  // All wall time goes into some phase: what nobody tells of is "other".
  void account(const char* phase, double seconds) {
    set.counter("catamaran_phase_seconds_total", {phase}).Increment(std::max(0.0, seconds));
    rest.Increment(wall.rest(steady(), seconds));
  }
  void stamp(const char* name) { set.gauge(name).Set(unix_seconds()); }

  void show_history(const RunHistory& history);
  void show_what_ages();
};

void Metrics::Series::show_history(const RunHistory& history) {
  set.gauge("catamaran_restarts").Set(static_cast<double>(history.restarts));
  set.gauge("catamaran_restarts_without_progress")
      .Set(static_cast<double>(history.restarts_without_progress));
  set.gauge("catamaran_lost_steps").Set(static_cast<double>(history.lost_steps));
  best_map = std::max(best_map, history.best_map);
  set.gauge("catamaran_best_map_ratio").Set(best_map);
  const double first = history.first_start_unix_seconds;
  goodput.begin(first > 0 ? std::min(first, started_unix) : started_unix, history.useful_seconds);
}

// What changes though nothing is recorded.
void Metrics::Series::show_what_ages() {
  if (const std::optional<double> silence = ranks.longest_silence())
    set.gauge("catamaran_oldest_heartbeat_timestamp_seconds").Set(unix_seconds() - *silence);
  const std::lock_guard lock(mutex);
  set.gauge("catamaran_goodput_ratio").Set(goodput.ratio(unix_seconds()));
  set.gauge("catamaran_scrape_render_seconds").Set(render_seconds);
  if (!free_bytes_known_at || steady() - *free_bytes_known_at > kFreeSpaceIsOld)
    set.gauge("catamaran_run_dir_free_bytes").Set(std::nan(""));
}

Metrics::Metrics(const RunInfo& info, std::function<double()> steady)
    : series_(std::make_unique<Series>(info, std::move(steady))) {
  Series& s = *series_;
  s.set.set_info("catamaran_build_info", {info.version, info.git, info.torch, info.nccl, info.mpi});
  s.set.set_info("catamaran_run_info",
                 {info.run, info.config_hash, info.dataset, info.model,
                  std::to_string(info.world_size), std::to_string(info.global_batch)});
  // Not 0: an alert on the age of a checkpoint would fire before the first one is due.
  for (const char* name :
       {"catamaran_start_timestamp_seconds", "catamaran_last_step_timestamp_seconds",
        "catamaran_last_eval_timestamp_seconds", "catamaran_last_checkpoint_timestamp_seconds",
        "catamaran_oldest_heartbeat_timestamp_seconds"})
    s.set.gauge(name).Set(s.started_unix);
  s.set.gauge("catamaran_deadline_timestamp_seconds").Set(info.deadline_unix_seconds);
  s.set.gauge("catamaran_queue_capacity_batches")
      .Set(static_cast<double>(info.queue_capacity_batches));
  // A resumed run is where it was, also before its next step ends. The newest step it has done is
  // first_step itself, counted from 1.
  const int64_t newest = std::max<int64_t>(0, info.first_step - 1);
  s.steps.show_position(info.first_step,
                        info.steps_per_epoch > 0 ? newest / info.steps_per_epoch : 0);
  s.show_history(info.history);
  set_state(RunState::kInit);
}

Metrics::~Metrics() = default;

void Metrics::set_state(RunState state) {
  series_->state = state;
  for (size_t s = 0; s < kStates.size(); ++s) {
    series_->set.gauge("catamaran_state", {kStates[s]})
        .Set(s == static_cast<size_t>(state) ? 1 : 0);
  }
}

void Metrics::record(const StepReport& report) {
  Series& s = *series_;
  const std::lock_guard lock(s.mutex);
  s.steps.record(report);
  s.rest.Increment(s.wall.rest(s.steady(), report.step_seconds));
  if (report.applied) s.goodput.add(report.step_seconds);
  s.ranks.set_seconds(report.compute_seconds_by_rank, report.data_wait_seconds_by_rank);
  s.has_stepped = true;
}

void Metrics::record_evaluation(const std::string& weights, const Evaluation& evaluation,
                                double seconds) {
  Series& s = *series_;
  const std::lock_guard lock(s.mutex);
  s.best_map = std::max(s.best_map, evaluation.map);
  s.set.gauge("catamaran_eval_map_ratio", {"eval", weights}).Set(evaluation.map);
  s.set.gauge("catamaran_eval_f1_ratio", {"micro"}).Set(evaluation.all.of1);
  s.set.gauge("catamaran_eval_f1_ratio", {"macro"}).Set(evaluation.all.cf1);
  s.set.gauge("catamaran_best_map_ratio").Set(s.best_map);
  s.set.counter("catamaran_samples_total", {"eval"})
      .Increment(static_cast<double>(evaluation.images));
  s.account("eval", seconds);
  s.steps.evaluation_took(seconds);
  s.stamp("catamaran_last_eval_timestamp_seconds");
}

void Metrics::record_checkpoint(CheckpointResult result, const std::string& kind,
                                double write_seconds, double stall_seconds, int64_t bytes) {
  Series& s = *series_;
  s.set.counter("catamaran_checkpoints_total", {name_of(result, kResults), kind}).Increment();
  s.set.histogram("catamaran_checkpoint_stall_duration_seconds").Observe(stall_seconds);
  if (result != CheckpointResult::kOk) return;
  s.set.histogram("catamaran_checkpoint_write_duration_seconds").Observe(write_seconds);
  s.set.gauge("catamaran_checkpoint_bytes").Set(static_cast<double>(bytes));
  s.stamp("catamaran_last_checkpoint_timestamp_seconds");
}

void Metrics::record_stall(double seconds) {
  const std::lock_guard lock(series_->mutex);
  series_->account("checkpoint_stall", seconds);
}

void Metrics::record_self_test(double seconds) {
  const std::lock_guard lock(series_->mutex);
  series_->account("self_test", seconds);
}

void Metrics::record_rollback(int64_t steps) {
  series_->set.counter("catamaran_steps_total", {"rolled_back"})
      .Increment(static_cast<double>(std::max<int64_t>(0, steps)));
}

void Metrics::record_figures(std::span<const RankFigures> ranks, double parameter_norm) {
  Series& s = *series_;
  if (ranks.empty()) return;
  const std::lock_guard lock(s.mutex);
  const auto add = [&](const char* name, const std::vector<std::string>& labels,
                       double RankFigures::*number) {
    double now = 0;
    for (const RankFigures& rank : ranks) now += rank.*number;
    double& before = s.totals.*number;
    s.set.counter(name, labels).Increment(std::max(0.0, now - before));
    before = std::max(before, now);
  };
  add("catamaran_read_bytes_total", {}, &RankFigures::read_bytes);
  add("catamaran_decode_seconds_total", {}, &RankFigures::decode_seconds);
  add("catamaran_cache_hits_total", {}, &RankFigures::cache_hits);
  add("catamaran_log_messages_total", {"warn"}, &RankFigures::log_warnings);
  add("catamaran_log_messages_total", {"error"}, &RankFigures::log_errors);
  s.set.gauge("catamaran_queue_batches")
      .Set(std::ranges::min_element(ranks, {}, &RankFigures::ready_batches)->ready_batches);
  s.set.gauge("catamaran_parameter_norm").Set(parameter_norm);
  std::vector<GpuFigures> gpus;
  for (const RankFigures& rank : ranks) gpus.push_back(rank.gpu);
  s.ranks.set_gpu_figures(std::move(gpus));
}

void Metrics::record_consistency_check(bool agreed) {
  series_->set.counter("catamaran_consistency_checks_total").Increment();
  if (!agreed) series_->set.counter("catamaran_consistency_check_failures_total").Increment();
}

void Metrics::set_history(const RunHistory& history) {
  const std::lock_guard lock(series_->mutex);
  series_->goodput = Goodput();
  series_->show_history(history);
}

void Metrics::set_gpus(std::vector<GpuName> names) { series_->ranks.set_gpus(std::move(names)); }

void Metrics::set_free_bytes(double bytes) {
  const std::lock_guard lock(series_->mutex);
  series_->free_bytes_known_at = series_->steady();
  series_->set.gauge("catamaran_run_dir_free_bytes").Set(bytes);
}

void Metrics::follow_heartbeats(std::function<std::vector<double>()> silences) {
  series_->ranks.follow_heartbeats(std::move(silences));
}

bool Metrics::is_ready() const { return series_->has_stepped; }

RunNumbers Metrics::numbers() const {
  const auto value = [this](const char* name) { return series_->set.gauge(name).Value(); };
  return {.state = name_of(series_->state.load(), kStates),
          .step = value("catamaran_step"),
          .epoch = value("catamaran_epoch"),
          .progress_ratio = value("catamaran_progress_ratio"),
          .loss = value("catamaran_loss"),
          .best_map_ratio = value("catamaran_best_map_ratio")};
}

std::string Metrics::text() const {
  const Stopwatch watch;
  series_->show_what_ages();
  std::vector<prometheus::MetricFamily> families = series_->registry->Collect();
  for (auto& family : series_->ranks.Collect()) families.push_back(std::move(family));
  for (auto& family : series_->process.Collect()) families.push_back(std::move(family));
  std::string page = prometheus::TextSerializer().Serialize(families);
  const std::lock_guard lock(series_->mutex);
  series_->render_seconds = watch.seconds();
  return page;
}

}  // namespace catamaran
