// StepReport: what one optimizer step did, in plain numbers, made by trainer/ and read by the log,
// the metrics and the progress bar. Ratios are 0..1, times are seconds of rank 0's steady clock
// unless a name says otherwise.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace catamaran {

// What was wrong with images that others took the place of, in the order of
// StepReport::bad_samples.
inline constexpr std::array<const char*, 5> kBadSampleReasons = {"checksum", "truncated", "format",
                                                                 "size", "read"};

// What an all-reduce was for: gradients, numbers of the step or of monitoring, or that ranks wait
// for each other and compare.
enum class CollectiveOp { kGradient, kMetrics, kSync };

struct CollectiveTime {
  CollectiveOp op = CollectiveOp::kSync;
  int64_t bytes = 0;
  double seconds = 0;  // from its start on rank 0 to its end there, waiting for others included
};

// Of all ranks, the one whose own work took longest: what a step takes before it waits for others.
// Means over the newest steps, ten at most.
struct SlowestRank {
  int64_t rank = 0;
  double seconds = 0;         // a step
  double median_seconds = 0;  // of all ranks; of an even number the lower one in the middle

  double factor() const { return median_seconds > 0 ? seconds / median_seconds : 1; }
};

struct StepReport {
  int64_t step = 0;          // 1 after the first
  int64_t epoch = 0;         // 0-based
  double loss = 0;           // mean over the valid labels of the global batch
  double learning_rate = 0;  // of the head
  double gradient_norm = 0;  // before clipping
  double loss_scale = 1;     // of this step; 1 unless gradients pass through fp16
  bool applied = true;       // false: not finite or a spike, weights untouched
  bool spike = false;        // not applied although it was finite: numerics.on_spike
  int64_t images = 0;        // global batch
  // Of all ranks: images that another one took the place of, by reason.
  std::array<int64_t, kBadSampleReasons.size()> bad_samples{};
  double step_seconds = 0;
  double steady_seconds = 0;  // at the step's end: no jump of the wall clock shows in it
  // Parts of step_seconds, mean over ranks:
  double data_wait_seconds = 0;
  double to_device_seconds = 0;  // that no computation hid
  double forward_seconds = 0;
  double backward_seconds = 0;
  double exchange_exposed_seconds = 0;  // waiting for all-reduce after backward
  double all_reduce_seconds = 0;        // during which at least one was under way, anywhere
  double last_bucket_seconds = 0;       // of the exposed: waiting for the last bucket alone
  double optimizer_seconds = 0;         // clip, optimizer, EMA
  double sums_seconds = 0;  // of rank 0: the one small all-reduce of the step, and who comes late
  double sums_wait_seconds = 0;           // the same, mean over ranks
  int64_t exchanged_bytes = 0;            // gradients a rank all-reduced in this step
  double alpha = 0, beta = 0, gamma = 0;  // fusion weights of the heads

  SlowestRank slowest;
  // By rank, means over the newest steps, ten at most: own work before a rank waits for others.
  std::vector<double> compute_seconds_by_rank;
  std::vector<double> data_wait_seconds_by_rank;
  // Losses of the heads' own logits, where they count (loss.auxiliary_weight); else none.
  std::vector<double> head_losses;
  // That rank 0 saw end since the step before.
  std::vector<CollectiveTime> collectives;

  double images_per_second() const {
    return step_seconds > 0 ? static_cast<double>(images) / step_seconds : 0;
  }
  // Share of the all-reduces that computation hid; 1 where there was none.
  double overlap_ratio() const {
    if (!(all_reduce_seconds > 0)) return 1;
    return std::clamp(1 - exchange_exposed_seconds / all_reduce_seconds, 0.0, 1.0);
  }
  double data_wait_ratio() const { return step_seconds > 0 ? data_wait_seconds / step_seconds : 0; }
  int64_t all_bad_samples() const {
    return std::accumulate(bad_samples.begin(), bad_samples.end(), int64_t{0});
  }
};

}  // namespace catamaran
