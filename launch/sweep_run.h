// A sweep on this machine, without a scheduler: several points at once, each a process of its own.
//
//   return run_sweep(plan, {.jobs = 2, .ranks = 1}, start);
//
// A point is `catamaran sweep train OUT/plans/ID.json --index N`, its output OUT/ID/output.log.
// Cores and GPUs are shared out among the jobs. A point that fails holds none up; one that stops or
// fails is not started again by the same call. INT, TERM and USR1 are handed on as a wish to stop
// with a checkpoint, and nothing more is started; a second INT ends all at once. After any end,
// kill -9 of this process too, the same command goes on with what is left.
//
// Returns the exit code (docs/exit-codes.md): 0 every point is done or pruned, kExitSweepFailed
// some failed, kExitStopped work is left, 130 a second INT. Errors: UsageError before anything is
// started. Only the main thread, while it is the only one.
#pragma once

#include <cstdint>
#include <optional>

#include "launch/deadline.h"
#include "launch/sweep_points.h"

namespace catamaran {

constexpr int kExitSweepFailed = 7;

struct SweepRunOptions {
  int64_t jobs = 1;
  int64_t ranks = 0;  // of a point, under mpirun; 0: one process
  FailedPoints failed = FailedPoints::kThreeTimes;
  std::optional<int64_t> max_seconds{};  // from the program's start
};
int run_sweep(const SweepPlan& plan, const SweepRunOptions& options, const ProgramStart& start);

}  // namespace catamaran
