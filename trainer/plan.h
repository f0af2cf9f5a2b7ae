// The memory a training step needs on one device, and the disk that checkpoints need, from what a
// model costs (model/cost.h): what a user wants to know before a job is submitted.
//
//   const MemoryPlan plan = plan_memory(options, measure_cost(options.model, labels, kernel),
//                                       ActivationType::kFp32);
//   plan.at(options.batch.per_device);  plan.largest_batch(int64_t{24} << 30);    // bytes; images
//
// Not in it: host memory, and evaluation, which keeps no activations. Pure arithmetic, thread-safe.
#pragma once

#include <cstdint>

#include "model/cost.h"
#include "trainer/options.h"

namespace catamaran {

// kBf16: autocast, which computes in two bytes and keeps a two-byte copy of the trained weights.
enum class ActivationType { kFp32, kBf16 };

struct MemoryPlan {
  int64_t weights = 0;    // bytes, like all below
  int64_t gradients = 0;  // of the trained values, in the reducer's buckets
  int64_t optimizer = 0;  // its state
  int64_t ema = 0;        // the average of the weights
  int64_t copies = 0;     // of the weights in half precision
  int64_t reserve =
      0;  // CUDA context, workspaces, gradients of activations, fragmentation: a guess
  int64_t per_image = 0;  // activations kept for backward

  int64_t fixed() const { return weights + gradients + optimizer + ema + copies + reserve; }
  int64_t at(int64_t images) const { return fixed() + images * per_image; }
  // 0: not even one image fits.
  int64_t largest_batch(int64_t device_bytes) const;
};

// What a run's checkpoints take of the disk.
struct CheckpointPlan {
  int64_t bytes = 0;     // of one: weights, average, optimizer state; without names and headers
  int64_t for_good = 0;  // of checkpoint.keep_every_epochs, at the end of the schedule
  int64_t most = 0;      // at once: those, checkpoint.keep, the best, and one that is being written

  int64_t most_bytes() const { return most * bytes; }
};
CheckpointPlan plan_checkpoints(const RunOptions& options, const ModelCost& cost);

MemoryPlan plan_memory(const RunOptions& options, const ModelCost& cost, ActivationType precision);

}  // namespace catamaran
