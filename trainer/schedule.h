// Learning-rate schedules as pure functions of the step: a factor on the configured rate.
//
//   Schedule schedule(options, steps_per_epoch, images_per_step);
//   double rate = run_options.learning_rate() * schedule.factor(t);      // t: 0-based step
//
//   constant  1                                     step      gamma at each milestone epoch passed
//   cosine    half cosine from 1 to final_ratio     onecycle  cosine up from 1/div_factor to 1 over
//   pct_start of the steps,
//                                                             cosine down to 1/(div_factor *
//                                                             final_div_factor)
//   range     range_ratio ^ (t / last), the rising rate of a range test (trainer/range_test.cpp)
// The whole is schedule.epochs of them, or schedule.images images, images_per_step a step.
// constant, step and cosine start with a linear warm-up over warmup_epochs or warmup_images.
// onecycle equals torch.optim.lr_scheduler.OneCycleLR (two phases, cosine), and starts at 1 where
// pct_start is exactly one step, which PyTorch cannot compute. Every factor is finite. Errors:
// UsageError for a run of more than kMostSteps. Thread-safe.
#pragma once

#include <cstdint>

#include "trainer/options.h"

namespace catamaran {

class Schedule {
 public:
  Schedule(ScheduleOptions options, int64_t steps_per_epoch, int64_t images_per_step = 1);
  double factor(int64_t step) const;
  // Steps of the whole schedule, and where this run stops (max_steps if given).
  int64_t total_steps() const { return total_steps_; }
  int64_t last_step() const;

 private:
  double shape(int64_t step) const;

  ScheduleOptions options_;
  int64_t steps_per_epoch_;
  int64_t total_steps_;
  double warmup_steps_;
};

// The number of steps between events "every E epochs", at least 1; 0 when E is 0 (never).
int64_t steps_of_epochs(double epochs, int64_t steps_per_epoch);

}  // namespace catamaran
