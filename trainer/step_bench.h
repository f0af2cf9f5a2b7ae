// Measures the step of one device for `catamaran plan`: forward, backward, optimizer, and when in
// backward each gradient is ready.
//
//   const StepBench bench = bench_step(options, {.labels = 80}, group);
//   bench.step.backward_seconds;  bench.step.gradients.front().seconds;
//
// batch.per_device random images, no loader, no exchange. Medians over the steps after warm-up. On
// a GPU gradients are timed in steps of their own, the device waited for at each, and their times
// scaled to the backward of the others. No torch in this header. One rank; only the thread that
// runs the step loop. Errors: UsageError from the options, what LibTorch throws (trainer/api.h,
// as_error).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "trainer/options.h"
#include "trainer/plan_simulation.h"

namespace catamaran {

struct StepBenchOptions {
  int64_t labels = 80;
  int64_t steps = 10;
  int64_t warm_up = 3;
};

struct StepBench {
  std::string device;  // "cpu", "cuda"
  int64_t threads = 0;
  int64_t parameters = 0;  // trained values
  MeasuredStep step;
  std::vector<std::string> gradient_names;  // of step.gradients
  std::vector<double> step_seconds;         // of each step
};

StepBench bench_step(const RunOptions& options, const StepBenchOptions& bench,
                     const ProcessGroup& group);

}  // namespace catamaran
