// [testing]: faults that a test, or somebody who tries what a cluster does with them, asks for.
//
//   testing.enabled = true
//   testing.fault = "rank=1,step=7,kind=sleep; rank=0,step=9,kind=scale_loss,value=1e4"
//
// Kinds, at the beginning of the step on that rank: throw (an error of data), exit (without a
// word), sleep (for ever), spin (for ever), slow (of it and every later step, by value seconds),
// hoard (value MiB are held from then on), bad_alloc (memory runs out); in it: nan_gradient (the
// loss stays finite), scale_loss (times value); of the buckets of its gradients: skip_bucket (the
// first is not exchanged), swap_buckets (the second before the first), cut_bucket (the first, one
// number less); after it, the lowest bit of one number: flip_weight, flip_optimizer, flip_average,
// flip_buffer (of batch norm's statistics: compared where they are alike, not with
// model.backbone.bn = "local"); flip_gradient: one exponent bit of a gradient, in the probe of
// numerics.probe_every_steps alone. Pure functions, without torch; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct TestingOptions {  // [testing]
  bool enabled = false;
  std::string fault;

  std::vector<std::string> problems() const;  // support/problems.h
};

struct PlannedFault {
  int64_t rank = 0;
  int64_t step = 0;  // as metrics.jsonl counts
  std::string kind;
  double value = 1;
};

// What becomes of a rank's buckets.
enum class ExchangeFault { kNone, kSkip, kSwap, kCut };

// Errors: UsageError that quotes the part that is wrong.
std::vector<PlannedFault> parse_faults(const std::string& text);

}  // namespace catamaran
