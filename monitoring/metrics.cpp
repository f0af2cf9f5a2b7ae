#include "monitoring/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>

#include "monitoring/process_metrics.h"
#include "monitoring/series_set.h"
#include "support/clock.h"

namespace catamaran {
namespace {

constexpr std::array<const char*, 6> kStates = {"init", "self_test",  "train",
                                                "eval", "checkpoint", "finish"};

// Exponentially smoothed: starts at its first value.
class Smoothed {
 public:
  explicit Smoothed(double share_of_new) : share_of_new_(share_of_new) {}
  double add(double value) {
    if (std::isfinite(value)) value_ = value_ ? *value_ + share_of_new_ * (value - *value_) : value;
    return value_.value_or(0);
  }

 private:
  double share_of_new_;
  std::optional<double> value_;
};

}  // namespace

struct Metrics::Series {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::shared_ptr<ProcessMetrics> process = std::make_shared<ProcessMetrics>();
  SeriesSet set{metric_table(), *registry};
  int64_t total_steps = 0;
  std::atomic<bool> has_stepped = false;

  std::mutex mutex;  // over what follows
  Smoothed step_seconds{0.05};
  Smoothed loss{0.02};
  double best_map = 0;
  LoaderTotals loader;                      // of the newest record
  std::function<double()> longest_silence;  // of a rank; or empty

  void add_phase(const char* phase, double seconds) {
    set.counter("catamaran_phase_seconds_total", {phase}).Increment(std::max(0.0, seconds));
  }
  void stamp(const char* name) { set.gauge(name).Set(unix_seconds()); }

  void show_heartbeats();
  void record_phases(const StepReport& report);
  void record_progress(const StepReport& report);
  void show_position(int64_t step, int64_t epoch);
};

void Metrics::Series::show_position(int64_t step, int64_t epoch) {
  set.gauge("catamaran_step").Set(static_cast<double>(step));
  set.gauge("catamaran_epoch").Set(static_cast<double>(epoch));
  if (total_steps <= 0) return;
  set.gauge("catamaran_progress_ratio")
      .Set(static_cast<double>(step) / static_cast<double>(total_steps));
}

void Metrics::Series::show_heartbeats() {
  const std::lock_guard lock(mutex);
  if (longest_silence)
    set.gauge("catamaran_oldest_heartbeat_timestamp_seconds")
        .Set(unix_seconds() - longest_silence());
}

void Metrics::Series::record_phases(const StepReport& report) {
  add_phase("data_wait", report.data_wait_seconds);
  add_phase("forward", report.forward_seconds);
  add_phase("backward", report.backward_seconds);
  add_phase("allreduce_exposed", report.exchange_exposed_seconds + report.sums_seconds);
  add_phase("optimizer", report.optimizer_seconds);
  add_phase("other", report.step_seconds - report.data_wait_seconds - report.forward_seconds -
                         report.backward_seconds - report.exchange_exposed_seconds -
                         report.sums_seconds - report.optimizer_seconds);
}

void Metrics::Series::record_progress(const StepReport& report) {
  const double smoothed_seconds = step_seconds.add(report.step_seconds);
  show_position(report.step, report.epoch);
  set.gauge("catamaran_step_duration_smoothed_seconds").Set(smoothed_seconds);
  stamp("catamaran_last_step_timestamp_seconds");
  if (total_steps <= 0) return;
  const auto left = static_cast<double>(std::max<int64_t>(0, total_steps - report.step));
  set.gauge("catamaran_eta_seconds").Set(left * smoothed_seconds);
}

Metrics::Metrics(const RunInfo& info) : series_(std::make_unique<Series>()) {
  series_->total_steps = info.total_steps;
  series_->set.set_info("catamaran_build_info",
                        {info.version, info.git, info.torch, info.nccl, info.mpi});
  series_->set.set_info("catamaran_run_info",
                        {info.run, info.config_hash, info.dataset, info.model,
                         std::to_string(info.world_size), std::to_string(info.global_batch)});
  // Not 0: an alert on the age of a checkpoint would fire before the first one is due.
  for (const char* name :
       {"catamaran_start_timestamp_seconds", "catamaran_last_step_timestamp_seconds",
        "catamaran_last_eval_timestamp_seconds", "catamaran_last_checkpoint_timestamp_seconds",
        "catamaran_oldest_heartbeat_timestamp_seconds"})
    series_->stamp(name);
  // A resumed run is where it was, also before its next step ends. The newest step it has done is
  // first_step itself, counted from 1.
  const int64_t newest = std::max<int64_t>(0, info.first_step - 1);
  series_->show_position(info.first_step,
                         info.steps_per_epoch > 0 ? newest / info.steps_per_epoch : 0);
  series_->set.gauge("catamaran_slowest_rank_factor").Set(1);
  set_state(RunState::kInit);
}

Metrics::~Metrics() = default;

void Metrics::set_state(RunState state) {
  for (size_t s = 0; s < kStates.size(); ++s) {
    series_->set.gauge("catamaran_state", {kStates[s]})
        .Set(s == static_cast<size_t>(state) ? 1 : 0);
  }
}

void Metrics::record(const StepReport& report) {
  Series& s = *series_;
  const std::lock_guard lock(s.mutex);
  s.record_progress(report);
  s.record_phases(report);
  const bool nonfinite = !report.applied && !report.spike;
  const char* skipped = nonfinite ? "skipped_nonfinite" : "skipped_spike";
  s.set.counter("catamaran_steps_total", {report.applied ? "ok" : skipped}).Increment();
  if (nonfinite) s.set.counter("catamaran_nonfinite_steps_total").Increment();
  s.set.counter("catamaran_bad_samples_total", {"unreadable"})
      .Increment(static_cast<double>(report.unreadable));
  s.set.counter("catamaran_bad_samples_total", {"undecodable"})
      .Increment(static_cast<double>(report.undecodable));
  s.set.counter("catamaran_samples_total", {"train"}).Increment(static_cast<double>(report.images));
  s.set.histogram("catamaran_step_duration_seconds").Observe(report.step_seconds);
  s.set.histogram("catamaran_data_wait_seconds").Observe(report.data_wait_seconds);
  s.set.counter("catamaran_allreduce_bytes_total", {"gradient"})
      .Increment(static_cast<double>(report.exchanged_bytes));
  s.set.counter("catamaran_allreduce_seconds_total", {"gradient"})
      .Increment(std::max(0.0, report.all_reduce_seconds));
  s.set.gauge("catamaran_allreduce_overlap_ratio").Set(report.overlap_ratio());
  s.set.gauge("catamaran_loss").Set(report.loss);
  s.set.gauge("catamaran_loss_smoothed").Set(s.loss.add(report.loss));
  s.set.gauge("catamaran_learning_rate").Set(report.learning_rate);
  s.set.gauge("catamaran_gradient_norm").Set(report.gradient_norm);
  s.set.gauge("catamaran_loss_scale").Set(report.loss_scale);
  s.set.gauge("catamaran_slowest_rank").Set(static_cast<double>(report.slowest.rank));
  s.set.gauge("catamaran_slowest_rank_factor").Set(report.slowest.factor());
  s.set.gauge("catamaran_fusion_weight", {"alpha"}).Set(report.alpha);
  s.set.gauge("catamaran_fusion_weight", {"beta"}).Set(report.beta);
  s.set.gauge("catamaran_fusion_weight", {"gamma"}).Set(report.gamma);
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
  s.add_phase("eval", seconds);
  s.stamp("catamaran_last_eval_timestamp_seconds");
}

void Metrics::record_checkpoint(CheckpointResult result, const std::string& kind,
                                double write_seconds, double stall_seconds, int64_t bytes) {
  Series& s = *series_;
  const bool ok = result == CheckpointResult::kOk;
  s.set.counter("catamaran_checkpoints_total", {ok ? "ok" : "error", kind}).Increment();
  s.set.histogram("catamaran_checkpoint_stall_duration_seconds").Observe(stall_seconds);
  s.add_phase("checkpoint_stall", stall_seconds);
  if (!ok) return;
  s.set.histogram("catamaran_checkpoint_write_duration_seconds").Observe(write_seconds);
  s.set.gauge("catamaran_checkpoint_bytes").Set(static_cast<double>(bytes));
  s.stamp("catamaran_last_checkpoint_timestamp_seconds");
}

void Metrics::record_loader(const LoaderTotals& totals) {
  Series& s = *series_;
  const std::lock_guard lock(s.mutex);
  const auto add = [&s](const char* name, auto now, auto& before) {
    s.set.counter(name).Increment(std::max(0.0, static_cast<double>(now - before)));
    before = std::max(before, now);
  };
  add("catamaran_read_bytes_total", totals.read_bytes, s.loader.read_bytes);
  add("catamaran_decode_seconds_total", totals.decode_seconds, s.loader.decode_seconds);
  add("catamaran_cache_hits_total", totals.cache_hits, s.loader.cache_hits);
  s.set.gauge("catamaran_queue_batches").Set(static_cast<double>(totals.ready_batches));
  s.set.gauge("catamaran_queue_capacity_batches").Set(static_cast<double>(totals.capacity_batches));
}

void Metrics::record_consistency_check(bool agreed) {
  series_->set.counter("catamaran_consistency_checks_total").Increment();
  if (!agreed) series_->set.counter("catamaran_consistency_check_failures_total").Increment();
}

void Metrics::record_self_test(double seconds) { series_->add_phase("self_test", seconds); }

bool Metrics::is_ready() const { return series_->has_stepped; }

void Metrics::follow_heartbeats(std::function<double()> longest_silence) {
  const std::lock_guard lock(series_->mutex);
  series_->longest_silence = std::move(longest_silence);
}

std::string Metrics::text() const {
  series_->show_heartbeats();
  std::vector<prometheus::MetricFamily> families = series_->registry->Collect();
  for (auto& family : series_->process->Collect()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace catamaran
