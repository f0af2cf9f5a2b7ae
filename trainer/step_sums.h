// StepSums: what a step must know of all ranks, gathered in one small all-reduce on host memory:
// loss, valid labels, images, the wish to stop, the seconds of each phase, those of each rank,
// whether all exchanged the same gradients, and whether rank 0 wants more (figures_exchange.h).
//
//   StepSums sums;  sums.add(loss, host);  sums.stop = stop_wish;
//   const StepSums global = sums.over_all_ranks(group);  // sums of all, the same everywhere
//
// Because every rank sees the same numbers, decisions made of them (skip, stop) agree without
// further talk. Only the thread that runs the step loop.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/process_group.h"
#include "dataio/batch.h"
#include "model/losses.h"
#include "trainer/gradient_reducer.h"

namespace catamaran {

struct StepSums {
  double loss = 0;  // summed over valid labels
  double valid_labels = 0;
  double images = 0;
  // Images that another one took the place of, by dataio/sample_fault.h.
  double bad_checksums = 0;
  double truncated = 0;
  double bad_formats = 0;
  double bad_sizes = 0;
  double unreadable = 0;
  double stop = 0;           // > 0: some rank wishes to stop, or rank 0's time is up
  double wants_figures = 0;  // > 0: rank 0 does
  // Of the heads' own logits, summed over valid labels, where they count (loss.auxiliary_weight).
  double first_head_loss = 0;
  double second_head_loss = 0;
  double third_head_loss = 0;
  double data_wait_seconds = 0;
  double to_device_seconds = 0;
  double forward_seconds = 0;
  double backward_seconds = 0;
  double exchange_seconds = 0;     // waiting for it, after backward
  double all_reduce_seconds = 0;   // at least one was under way
  double last_bucket_seconds = 0;  // waiting for the last one alone
  double before_sums_seconds = 0;  // of the step, until this rank was ready for this all-reduce
  double exchange_digest = 0;      // of the all-reduces that were started; 16 bits
  double exchange_digest_squared = 0;
  // Of the sums of all ranks alone: each rank's own_seconds(), and what of them it waited for data.
  std::vector<double> own_seconds_by_rank;
  std::vector<double> data_wait_seconds_by_rank;

  // Before it waits for the others: what makes a rank slower than they are.
  double own_seconds() const {
    return data_wait_seconds + to_device_seconds + forward_seconds + backward_seconds;
  }
  void add(const LossSum& part, const Batch& host);
  void add(const ExchangeTimes& exchange);
  void add(const std::vector<ArenaRange>& exchanged);
  StepSums over_all_ranks(ProcessGroup& group) const;
  // Of the sums: all ranks have exchanged the same ranges in the same order. Two sums suffice: the
  // square of a sum is as many times the sum of squares as there are ranks where all are equal, and
  // nowhere else. Ranges that differ have the same digest once in 65,536.
  bool exchanged_alike(int world) const;
  double mean_loss() const { return valid_labels > 0 ? loss / valid_labels : 0; }
  FaultCounts faults() const;
  // Of the first so many heads.
  std::vector<double> mean_head_losses(size_t heads) const;
  // 1 / valid labels: turns summed gradients into those of the mean over the global batch.
  double scale() const { return valid_labels > 0 ? 1 / valid_labels : 0; }
};

}  // namespace catamaran
