// By when a training run has to end: --max-time, counted from the program's start, or without it
// the end of the Slurm job, where Slurm tells it.
//
//   const ProgramStart start;                               // first of all
//   request.deadline = find_deadline(max_seconds, std::getenv(kJobEndVariable), start);
//
// The variable holds Unix seconds. A value that is none, or lies in the past (left over from
// another job), is warned of and not used. Rank 0's deadline alone decides. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "support/clock.h"
#include "trainer/time_limit.h"

namespace catamaran {

inline constexpr const char* kJobEndVariable = "SLURM_JOB_END_TIME";

struct ProgramStart {
  double on_steady_clock = steady_seconds();
  double on_wall_clock = unix_seconds();
};

// job_end: the variable's text; null: not set.
std::optional<Deadline> find_deadline(const std::optional<int64_t>& max_seconds,
                                      const char* job_end, const ProgramStart& start);

}  // namespace catamaran
