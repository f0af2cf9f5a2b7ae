#include "monitoring/step_series.h"

#include <algorithm>

#include "support/clock.h"

namespace catamaran {
namespace {

void add(prometheus::Counter& counter, double amount) { counter.Increment(std::max(0.0, amount)); }

}  // namespace

StepSeries::StepSeries(SeriesSet& set, const RunInfo& info)
    : total_steps_(info.total_steps),
      rhythm_(info.checkpoint_every_steps, info.evaluate_every_steps, info.total_steps),
      step_(set.gauge("catamaran_step")),
      epoch_(set.gauge("catamaran_epoch")),
      progress_(set.gauge("catamaran_progress_ratio")),
      eta_(set.gauge("catamaran_eta_seconds")),
      smoothed_(set.gauge("catamaran_step_duration_smoothed_seconds")),
      interval_(set.gauge("catamaran_checkpoint_interval_seconds")),
      stepped_at_(set.gauge("catamaran_last_step_timestamp_seconds")),
      data_wait_(set.counter("catamaran_phase_seconds_total", {"data_wait"})),
      h2d_(set.counter("catamaran_phase_seconds_total", {"h2d"})),
      forward_(set.counter("catamaran_phase_seconds_total", {"forward"})),
      backward_(set.counter("catamaran_phase_seconds_total", {"backward"})),
      exposed_(set.counter("catamaran_phase_seconds_total", {"allreduce_exposed"})),
      optimizer_(set.counter("catamaran_phase_seconds_total", {"optimizer"})),
      other_(set.counter("catamaran_phase_seconds_total", {"other"})),
      ok_(set.counter("catamaran_steps_total", {"ok"})),
      skipped_nonfinite_(set.counter("catamaran_steps_total", {"skipped_nonfinite"})),
      skipped_spike_(set.counter("catamaran_steps_total", {"skipped_spike"})),
      nonfinite_(set.counter("catamaran_nonfinite_steps_total")),
      spikes_(set.counter("catamaran_loss_spikes_total")),
      images_(set.counter("catamaran_samples_total", {"train"})),
      step_duration_(set.histogram("catamaran_step_duration_seconds")),
      data_wait_duration_(set.histogram("catamaran_data_wait_seconds")),
      overlap_(set.gauge("catamaran_allreduce_overlap_ratio")),
      loss_(set.gauge("catamaran_loss")),
      smoothed_loss_(set.gauge("catamaran_loss_smoothed")),
      learning_rate_(set.gauge("catamaran_learning_rate")),
      gradient_norm_(set.gauge("catamaran_gradient_norm")),
      loss_scale_(set.gauge("catamaran_loss_scale")),
      slowest_(set.gauge("catamaran_slowest_rank")),
      slowest_factor_(set.gauge("catamaran_slowest_rank_factor")),
      alpha_(set.gauge("catamaran_fusion_weight", {"alpha"})),
      beta_(set.gauge("catamaran_fusion_weight", {"beta"})),
      gamma_(set.gauge("catamaran_fusion_weight", {"gamma"})) {
  for (const char* reason : kBadSampleReasons)
    bad_samples_.push_back(&set.counter("catamaran_bad_samples_total", {reason}));
  constexpr std::array<const char*, kOperations> kNames = {"gradient", "metrics", "sync"};
  for (size_t op = 0; op < kOperations; ++op) {
    all_reduce_bytes_[op] = &set.counter("catamaran_allreduce_bytes_total", {kNames[op]});
    all_reduce_seconds_[op] = &set.counter("catamaran_allreduce_seconds_total", {kNames[op]});
    collective_duration_[op] =
        &set.histogram("catamaran_collective_duration_seconds", {kNames[op]});
  }
  for (int64_t head = 1; head <= info.heads_with_loss; ++head) {
    set.add_beside("catamaran_loss", {std::to_string(head)});
    head_losses_.push_back(&set.gauge("catamaran_loss", {std::to_string(head)}));
  }
  slowest_factor_.Set(1);
  interval_.Set(rhythm_.seconds());
}

void StepSeries::show_position(int64_t step, int64_t epoch) {
  step_.Set(static_cast<double>(step));
  epoch_.Set(static_cast<double>(epoch));
  if (total_steps_ > 0)
    progress_.Set(static_cast<double>(step) / static_cast<double>(total_steps_));
}

void StepSeries::evaluation_took(double seconds) {
  rhythm_.evaluation_took(seconds);
  interval_.Set(rhythm_.seconds());
}

void StepSeries::record(const StepReport& report) {
  record_progress(report);
  record_phases(report);
  record_result(report);
  record_collectives(report);
  record_learning(report);
}

void StepSeries::record_progress(const StepReport& report) {
  const double smoothed_seconds = step_seconds_.add(report.step_seconds);
  show_position(report.step, report.epoch);
  smoothed_.Set(smoothed_seconds);
  rhythm_.step_took(smoothed_seconds);
  interval_.Set(rhythm_.seconds());
  stepped_at_.Set(unix_seconds());
  const auto left = static_cast<double>(std::max<int64_t>(0, total_steps_ - report.step));
  if (total_steps_ > 0) eta_.Set(left * smoothed_seconds);
}

void StepSeries::record_phases(const StepReport& report) {
  const double own = report.data_wait_seconds + report.to_device_seconds + report.forward_seconds +
                     report.backward_seconds;
  const double exposed = report.exchange_exposed_seconds + report.sums_wait_seconds;
  add(data_wait_, report.data_wait_seconds);
  add(h2d_, report.to_device_seconds);
  add(forward_, report.forward_seconds);
  add(backward_, report.backward_seconds);
  add(exposed_, exposed);
  add(optimizer_, report.optimizer_seconds);
  add(other_, report.step_seconds - own - exposed - report.optimizer_seconds);
  step_duration_.Observe(report.step_seconds);
  data_wait_duration_.Observe(report.data_wait_seconds);
}

void StepSeries::record_result(const StepReport& report) {
  const bool nonfinite = !report.applied && !report.spike;
  (report.applied ? ok_ : nonfinite ? skipped_nonfinite_ : skipped_spike_).Increment();
  if (nonfinite) nonfinite_.Increment();
  if (report.spike) spikes_.Increment();
  add(images_, static_cast<double>(report.images));
  for (size_t reason = 0; reason < bad_samples_.size(); ++reason)
    add(*bad_samples_[reason], static_cast<double>(report.bad_samples[reason]));
}

void StepSeries::record_collectives(const StepReport& report) {
  for (const CollectiveTime& one : report.collectives) {
    const auto op = static_cast<size_t>(one.op);
    collective_duration_[op]->Observe(one.seconds);
    if (one.op == CollectiveOp::kGradient) continue;  // below, over all ranks
    add(*all_reduce_bytes_[op], static_cast<double>(one.bytes));
    add(*all_reduce_seconds_[op], one.seconds);
  }
  constexpr auto kGradient = static_cast<size_t>(CollectiveOp::kGradient);
  add(*all_reduce_bytes_[kGradient], static_cast<double>(report.exchanged_bytes));
  add(*all_reduce_seconds_[kGradient], report.all_reduce_seconds);
  overlap_.Set(report.overlap_ratio());
  slowest_.Set(static_cast<double>(report.slowest.rank));
  slowest_factor_.Set(report.slowest.factor());
}

void StepSeries::record_learning(const StepReport& report) {
  loss_.Set(report.loss);
  smoothed_loss_.Set(smoothed_loss_values_.add(report.loss));
  const size_t heads = std::min(head_losses_.size(), report.head_losses.size());
  for (size_t head = 0; head < heads; ++head) head_losses_[head]->Set(report.head_losses[head]);
  learning_rate_.Set(report.learning_rate);
  gradient_norm_.Set(report.gradient_norm);
  loss_scale_.Set(report.loss_scale);
  alpha_.Set(report.alpha);
  beta_.Set(report.beta);
  gamma_.Set(report.gamma);
}

}  // namespace catamaran
