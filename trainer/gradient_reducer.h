// GradientReducer: sums every parameter's gradient over all ranks, overlapped with backward.
//
//   GradientReducer reducer(arena, group.gradients(), options, device);      // once
//   reducer.begin_part(part == 0, part + 1 == parts);     // before each micro-batch's backward
//   loss.backward();                                      // a full bucket starts its all-reduce
//   reducer.finish();               // arena.gradients() is now the sum over all ranks
//   reducer.last_exchange()         // how long it took, and how much of that was waited for
//
// A hook moves each gradient into its place in the arena (the first micro-batch overwrites, later
// ones add) and frees it, so no zeroing pass is needed and no second copy stays: one copy, where
// adding into views that autograd keeps would take a zeroing and an addition. Buckets start in
// index order on every rank, whatever the hooks' order; only the last micro-batch's. What got no
// gradient in a step counts as zero. With options.compression gradients travel in two bytes, and
// what that loses is added to the next step's (trainer/gradient_compression.h). The parameters'
// .grad stays undefined. exchanged() is for comparing ranks (trainer/exchange_check.h). The arena
// must outlive the reducer. Only the thread that runs the step loop (hooks run in autograd's
// threads meanwhile). Errors: CommError from the communicator.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <mutex>
#include <vector>

#include "comm/communicator.h"
#include "trainer/fault_plan.h"
#include "trainer/gradient_compression.h"
#include "trainer/gradient_hooks.h"
#include "trainer/options.h"
#include "trainer/parameter_arena.h"

namespace catamaran {

// Of one step, on this rank.
struct ExchangeTimes {
  double seconds = 0;              // during which at least one all-reduce was under way
  double exposed_seconds = 0;      // of them, after backward
  double last_bucket_seconds = 0;  // that the last bucket was waited for alone
};

class GradientReducer {
 public:
  GradientReducer(ParameterArena& arena, Communicator& communicator, const ReducerOptions& options,
                  const torch::Device& device);
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  void begin_part(bool first_part, bool last_part);
  void finish();
  // The step was not applied: its gradients leave nothing behind.
  void forget_step();
  // The next step's gradients are `factor` times as large as this one's (its loss scale changed).
  void rescale_next_step(double factor);

  int64_t exchanged_bytes() const;  // a step, of this rank; 0 in a world of one
  const ExchangeTimes& last_exchange() const { return times_; }
  // The ranges that this rank has started to exchange in this step, in that order.
  const std::vector<ArenaRange>& exchanged() const { return exchanged_; }
  // For tests of what finds it: this rank's buckets of the next steps are not those of the others.
  void break_exchange(ExchangeFault fault) { fault_ = fault; }
  // The all-reduces of the step that finish() ended, oldest first.
  const std::vector<FinishedOperation>& last_operations() const { return operations_; }

 private:
  void gradient_ready(size_t parameter, const torch::Tensor& made);
  void start_full_buckets();
  void start_bucket(size_t bucket);
  void start(const ArenaRange& range);
  void measure(double backward_end);

  ParameterArena& arena_;
  Communicator& communicator_;
  torch::Device device_;
  std::unique_ptr<GradientCompression> compression_;  // or none
  std::vector<size_t> bucket_of_;                     // per parameter
  std::vector<size_t> missing_;  // per bucket: slots that the last micro-batch has not filled yet
  std::vector<char> filled_;     // per parameter, since the step began
  std::vector<char> arrived_;    // per parameter, in this micro-batch
  std::mutex mutex_;             // hooks of several autograd threads
  size_t next_bucket_ = 0;       // first that has not started
  std::vector<ArenaRange> exchanged_;
  ExchangeFault fault_ = ExchangeFault::kNone;
  bool last_part_ = true;
  std::vector<FinishedOperation> operations_;
  ExchangeTimes times_;
  GradientHooks hooks_;  // last: they use all the others
};

}  // namespace catamaran
