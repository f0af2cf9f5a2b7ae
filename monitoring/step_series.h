// StepSeries: the series that follow each step, found once in a SeriesSet: a step costs no look-up
// by name.
//
//   StepSeries steps(set, info);
//   steps.show_position(info.first_step, epoch);     // of a run that goes on
//   steps.record(report);
//   steps.evaluation_took(30);                       // checkpoints are so much further apart
//
// What of the wall time a report does not tell of is its caller's matter (monitoring/run_rhythm.h).
// The set must outlive it. One thread at a time; others may read the series meanwhile.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <array>
#include <cstdint>
#include <vector>

#include "monitoring/metrics.h"
#include "monitoring/run_rhythm.h"
#include "monitoring/series_set.h"
#include "monitoring/step_report.h"

namespace catamaran {

class StepSeries {
 public:
  StepSeries(SeriesSet& set, const RunInfo& info);

  void show_position(int64_t step, int64_t epoch);
  void record(const StepReport& report);
  void evaluation_took(double seconds);

 private:
  void record_progress(const StepReport& report);
  void record_phases(const StepReport& report);
  void record_result(const StepReport& report);
  void record_collectives(const StepReport& report);
  void record_learning(const StepReport& report);

  static constexpr size_t kOperations = 3;  // in the order of CollectiveOp

  int64_t total_steps_;
  CheckpointRhythm rhythm_;
  Smoothed step_seconds_{0.05};
  Smoothed smoothed_loss_values_{0.02};

  prometheus::Gauge &step_, &epoch_, &progress_, &eta_, &smoothed_, &interval_, &stepped_at_;
  prometheus::Counter &data_wait_, &h2d_, &forward_, &backward_, &exposed_, &optimizer_, &other_;
  prometheus::Counter &ok_, &skipped_nonfinite_, &skipped_spike_, &nonfinite_, &spikes_, &images_;
  std::vector<prometheus::Counter*> bad_samples_;  // in the order of kBadSampleReasons
  prometheus::Histogram &step_duration_, &data_wait_duration_;
  std::array<prometheus::Counter*, kOperations> all_reduce_bytes_, all_reduce_seconds_;
  std::array<prometheus::Histogram*, kOperations> collective_duration_;
  prometheus::Gauge &overlap_, &loss_, &smoothed_loss_, &learning_rate_, &gradient_norm_;
  prometheus::Gauge &loss_scale_, &slowest_, &slowest_factor_, &alpha_, &beta_, &gamma_;
  std::vector<prometheus::Gauge*> head_losses_;
};

}  // namespace catamaran
