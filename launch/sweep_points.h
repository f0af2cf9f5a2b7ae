// What the points of a sweep have come to, from directories alone, and which of them have work
// left: for `sweep show`, `sweep run` and `submit --sweep`.
//
//   const SweepState state = read_sweep_state(plan);
//   state.points[3].phase;  state.points[3].reason;      // failed, "there is no pack at ..."
//
//   const PreparedSweep ready = prepare_sweep(plan, FailedPoints::kThreeTimes);   // submit, run
//   array_text(ready.open);      // "0-3,7"; each task: catamaran sweep train READY.PLAN --index N
//
// Preparing decides which points go on from a rung, makes the folders of the open ones (point.toml,
// the resolved configuration, and point.json, what it is) and writes the plan of this submission,
// which holds for its tasks whatever becomes of the sweep file meanwhile. Errors: UsageError where
// the folder cannot be written or another process prepares or runs the sweep. Thread-safe but for
// prepare_sweep, which has a lock of its own on OUT.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launch/sweep_halving.h"
#include "launch/sweep_plan.h"
#include "launch/sweep_record.h"
#include "monitoring/run_status.h"
#include "trainer/run_lock.h"

namespace catamaran {

enum class PointPhase {
  kPending,  // no start yet, or it may go on from a rung
  kRunning,  // by whomever
  kWaiting,  // at a rung, for the others
  kStopped,  // by a signal or a time limit, with a checkpoint
  kFailed,   // reason says why
  kLost,     // killed, or its node was lost
  kDone,
  kPruned,  // at a rung, others were better
};
std::string phase_name(PointPhase phase);

// In a point's folder: its whole configuration.
constexpr const char* kPointConfig = "point.toml";

struct PointState {
  PointPhase phase = PointPhase::kPending;
  std::string reason;  // of a failure or a stop, one sentence; where it was pruned or waits
  int64_t step = 0;
  size_t rung = 0;              // that it is on its way to, waits at or was pruned at
  int64_t until = 0;            // the step that its next start ends at; 0: the last
  std::optional<double> value;  // of the plan's metric
  int64_t failures = 0;         // in a row
  int64_t world = 0;            // ranks of its newest start; 0: not known
  double images_per_second = 0;
  double busy_seconds = 0;
  double updated_unix_seconds = 0;  // 0: no sign of life
};

struct SweepState {
  std::vector<PointState> points;  // by index
  RungRecord rungs;
  std::vector<std::string> problems;  // files that cannot be read
};
SweepState read_sweep_state(const SweepPlan& plan);
// Of one point, which has changed.
void read_point_again(const SweepPlan& plan, const SweepPoint& point, SweepState& state);

// By what the run directory and the newest start say, without regard to rungs.
PointPhase phase_of_start(const RunStatus& run, const std::optional<Outcome>& outcome,
                          double now_unix_seconds);

// Which failed points have work left: those that have failed less than three times in a row, or
// all.
enum class FailedPoints { kThreeTimes, kAll };
constexpr int64_t kFailuresToSkip = 3;
bool is_open(const PointState& state, FailedPoints failed);
std::vector<int64_t> open_points(const SweepState& state, FailedPoints failed);

struct PreparedSweep {
  SweepPlan plan;              // with `until` of every point
  std::filesystem::path file;  // OUT/plans/ID.json
  std::vector<int64_t> open;   // indices
  SweepState state;
};
// lock: of lock_sweep, where the caller has it already.
PreparedSweep prepare_sweep(const SweepPlan& plan, FailedPoints failed);
PreparedSweep prepare_sweep(const SweepPlan& plan, FailedPoints failed, const RunLock& lock);
// OUT/lock; UsageError that names who has it.
RunLock lock_sweep(const SweepPlan& plan);

// Decides each rung whose points have all come to it or failed, into the state and OUT/rungs.json,
// and brings phases and `until` of the points up to date. True where something was decided.
bool settle_rungs(const SweepPlan& plan, SweepState& state);

}  // namespace catamaran
