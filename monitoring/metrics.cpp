#include "monitoring/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>

#include "monitoring/metric_table.h"
#include "monitoring/registry_access.h"
#include "support/clock.h"

namespace catamaran {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array<const char*, 5> kStates = {"init", "train", "eval", "checkpoint", "finish"};
constexpr double kStepSmoothing = 0.05;
constexpr double kLossSmoothing = 0.02;

const Histogram::BucketBoundaries kStepBuckets = {.01, .025, .05, .1, .15, .2, .3, .5,
                                                  .75, 1,    2.5, 5,  10,  30, 60};
const Histogram::BucketBoundaries kWaitBuckets = {.0005, .001, .0025, .005, .01, .025,
                                                  .05,   .1,   .25,   .5,   1,   5};
const Histogram::BucketBoundaries kWriteBuckets = {.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};
const Histogram::BucketBoundaries kStallBuckets = {.001, .005, .01, .05, .1, .5, 1, 5, 30};

}  // namespace

struct Metrics::Families {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::mutex mutex;  // over the smoothed values
  int64_t total_steps = 0;
  double smoothed_step = 0;
  double smoothed_loss = 0;
  double best_map = 0;
  int64_t read_bytes = 0;
  double decode_seconds = 0;

  Gauge& gauge(const std::string& name, const prometheus::Labels& labels = {}) {
    return prometheus::BuildGauge()
        .Name(name)
        .Help(metric(name).help)
        .Register(*registry)
        .Add(labels);
  }
  Counter& counter(const std::string& name, const prometheus::Labels& labels = {}) {
    return prometheus::BuildCounter()
        .Name(name)
        .Help(metric(name).help)
        .Register(*registry)
        .Add(labels);
  }
  Histogram& histogram(const std::string& name, const Histogram::BucketBoundaries& buckets) {
    return prometheus::BuildHistogram()
        .Name(name)
        .Help(metric(name).help)
        .Register(*registry)
        .Add({}, buckets);
  }
  // Registering a family or a label set twice returns the first one, so these are look-ups.
  void add_phase(const char* phase, double seconds) {
    counter("catamaran_phase_seconds_total", {{"phase", phase}}).Increment(std::max(0.0, seconds));
  }
};

Metrics::Metrics(const RunInfo& info) : families_(std::make_unique<Families>()) {
  Families& f = *families_;
  f.total_steps = info.total_steps;
  f.gauge("catamaran_build_info", {{"version", info.version},
                                   {"git", info.git},
                                   {"torch", info.torch},
                                   {"nccl", info.nccl},
                                   {"mpi", info.mpi}})
      .Set(1);
  f.gauge("catamaran_run_info", {{"run", info.run},
                                 {"config_hash", info.config_hash},
                                 {"dataset", info.dataset},
                                 {"model", info.model},
                                 {"world_size", std::to_string(info.world_size)},
                                 {"global_batch", std::to_string(info.global_batch)}})
      .Set(1);
  // Every series exists from the start, at 0, so that rates and alerts have a first value.
  for (const char* phase : {"data_wait", "forward", "backward", "allreduce_exposed", "optimizer",
                            "other", "eval", "checkpoint_stall"})
    f.add_phase(phase, 0);
  for (const char* result : {"ok", "skipped_nonfinite"})
    f.counter("catamaran_steps_total", {{"result", result}});
  for (const char* split : {"train", "eval"})
    f.counter("catamaran_samples_total", {{"split", split}});
  for (const char* kind : {"periodic", "signal", "final"}) {
    for (const char* result : {"ok", "error"})
      f.counter("catamaran_checkpoints_total", {{"result", result}, {"kind", kind}});
  }
  for (const char* name : {"catamaran_nonfinite_steps_total", "catamaran_consistency_checks_total",
                           "catamaran_consistency_check_failures_total",
                           "catamaran_read_bytes_total", "catamaran_decode_seconds_total"})
    f.counter(name);
  f.counter("catamaran_allreduce_bytes_total", {{"op", "gradient"}});
  f.histogram("catamaran_step_duration_seconds", kStepBuckets);
  f.histogram("catamaran_data_wait_seconds", kWaitBuckets);
  f.histogram("catamaran_checkpoint_write_duration_seconds", kWriteBuckets);
  f.histogram("catamaran_checkpoint_stall_duration_seconds", kStallBuckets);
  for (const char* name :
       {"catamaran_start_timestamp_seconds", "catamaran_last_step_timestamp_seconds",
        "catamaran_last_eval_timestamp_seconds", "catamaran_last_checkpoint_timestamp_seconds"})
    f.gauge(name).Set(unix_seconds());
  set_state(RunState::kInit);
}

Metrics::~Metrics() = default;

void Metrics::set_state(RunState state) {
  for (size_t s = 0; s < kStates.size(); ++s) {
    families_->gauge("catamaran_state", {{"state", kStates[s]}})
        .Set(s == static_cast<size_t>(state) ? 1 : 0);
  }
}

void Metrics::record(const StepReport& report) {
  Families& f = *families_;
  const std::lock_guard lock(f.mutex);
  const auto smooth = [](double old, double now, double share) {
    return old == 0 ? now : old + share * (now - old);
  };
  f.smoothed_step = smooth(f.smoothed_step, report.step_seconds, kStepSmoothing);
  if (std::isfinite(report.loss))
    f.smoothed_loss = smooth(f.smoothed_loss, report.loss, kLossSmoothing);
  f.gauge("catamaran_step").Set(static_cast<double>(report.step));
  f.gauge("catamaran_epoch").Set(static_cast<double>(report.epoch));
  if (f.total_steps > 0)
    f.gauge("catamaran_progress_ratio")
        .Set(static_cast<double>(report.step) / static_cast<double>(f.total_steps));
  f.gauge("catamaran_eta_seconds")
      .Set(static_cast<double>(std::max<int64_t>(0, f.total_steps - report.step)) *
           f.smoothed_step);
  f.counter("catamaran_steps_total", {{"result", report.applied ? "ok" : "skipped_nonfinite"}})
      .Increment();
  if (!report.applied) f.counter("catamaran_nonfinite_steps_total").Increment();
  f.counter("catamaran_samples_total", {{"split", "train"}})
      .Increment(static_cast<double>(report.images));
  f.histogram("catamaran_step_duration_seconds", kStepBuckets).Observe(report.step_seconds);
  f.histogram("catamaran_data_wait_seconds", kWaitBuckets).Observe(report.data_wait_seconds);
  f.gauge("catamaran_step_duration_smoothed_seconds").Set(f.smoothed_step);
  f.add_phase("data_wait", report.data_wait_seconds);
  f.add_phase("forward", report.forward_seconds);
  f.add_phase("backward", report.backward_seconds);
  f.add_phase("allreduce_exposed", report.exchange_exposed_seconds);
  f.add_phase("optimizer", report.optimizer_seconds);
  f.add_phase("other", report.step_seconds - report.data_wait_seconds - report.forward_seconds -
                           report.backward_seconds - report.exchange_exposed_seconds -
                           report.optimizer_seconds);
  f.counter("catamaran_allreduce_bytes_total", {{"op", "gradient"}})
      .Increment(static_cast<double>(report.exchanged_bytes));
  f.gauge("catamaran_loss").Set(report.loss);
  f.gauge("catamaran_loss_smoothed").Set(f.smoothed_loss);
  f.gauge("catamaran_learning_rate").Set(report.learning_rate);
  f.gauge("catamaran_gradient_norm").Set(report.gradient_norm);
  f.gauge("catamaran_fusion_weight", {{"weight", "alpha"}}).Set(report.alpha);
  f.gauge("catamaran_fusion_weight", {{"weight", "beta"}}).Set(report.beta);
  f.gauge("catamaran_fusion_weight", {{"weight", "gamma"}}).Set(report.gamma);
  f.gauge("catamaran_last_step_timestamp_seconds").Set(unix_seconds());
}

void Metrics::record_evaluation(const std::string& weights, const Evaluation& evaluation,
                                double seconds) {
  Families& f = *families_;
  const std::lock_guard lock(f.mutex);
  f.best_map = std::max(f.best_map, evaluation.map);
  f.gauge("catamaran_eval_map_ratio", {{"weights", weights}}).Set(evaluation.map);
  f.gauge("catamaran_eval_f1_ratio", {{"average", "micro"}}).Set(evaluation.all.of1);
  f.gauge("catamaran_eval_f1_ratio", {{"average", "macro"}}).Set(evaluation.all.cf1);
  f.gauge("catamaran_best_map_ratio").Set(f.best_map);
  f.counter("catamaran_samples_total", {{"split", "eval"}})
      .Increment(static_cast<double>(evaluation.images));
  f.add_phase("eval", seconds);
  f.gauge("catamaran_last_eval_timestamp_seconds").Set(unix_seconds());
}

void Metrics::record_checkpoint(CheckpointResult result, const std::string& kind,
                                double write_seconds, double stall_seconds, int64_t bytes) {
  Families& f = *families_;
  f.counter("catamaran_checkpoints_total",
            {{"result", result == CheckpointResult::kOk ? "ok" : "error"}, {"kind", kind}})
      .Increment();
  f.histogram("catamaran_checkpoint_write_duration_seconds", kWriteBuckets).Observe(write_seconds);
  f.histogram("catamaran_checkpoint_stall_duration_seconds", kStallBuckets).Observe(stall_seconds);
  f.add_phase("checkpoint_stall", stall_seconds);
  if (result != CheckpointResult::kOk) return;
  f.gauge("catamaran_checkpoint_bytes").Set(static_cast<double>(bytes));
  f.gauge("catamaran_last_checkpoint_timestamp_seconds").Set(unix_seconds());
}

void Metrics::record_loader(int64_t read_bytes_total, double decode_seconds_total,
                            int64_t ready_batches, int64_t capacity_batches) {
  Families& f = *families_;
  const std::lock_guard lock(f.mutex);
  f.counter("catamaran_read_bytes_total")
      .Increment(static_cast<double>(std::max<int64_t>(0, read_bytes_total - f.read_bytes)));
  f.counter("catamaran_decode_seconds_total")
      .Increment(std::max(0.0, decode_seconds_total - f.decode_seconds));
  f.read_bytes = read_bytes_total;
  f.decode_seconds = decode_seconds_total;
  f.gauge("catamaran_queue_batches").Set(static_cast<double>(ready_batches));
  f.gauge("catamaran_queue_capacity_batches").Set(static_cast<double>(capacity_batches));
}

void Metrics::record_consistency_check(bool agreed) {
  families_->counter("catamaran_consistency_checks_total").Increment();
  if (!agreed) families_->counter("catamaran_consistency_check_failures_total").Increment();
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(families_->registry->Collect());
}

std::shared_ptr<prometheus::Registry> registry_of(const Metrics& metrics) {
  return metrics.families_->registry;
}

}  // namespace catamaran
