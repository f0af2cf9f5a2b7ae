#include "launch/sweep_points.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "launch/config.h"
#include "launch/exit_code.h"
#include "launch/sweep_metric.h"
#include "launch/sweep_record.h"
#include "monitoring/run_status.h"
#include "support/assert.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/json.h"
#include "support/lock_holder.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array<std::pair<PointPhase, const char*>, 8> kPhases = {{
    {PointPhase::kPending, "pending"},
    {PointPhase::kRunning, "running"},
    {PointPhase::kWaiting, "waiting"},
    {PointPhase::kStopped, "stopped"},
    {PointPhase::kFailed, "failed"},
    {PointPhase::kLost, "lost"},
    {PointPhase::kDone, "done"},
    {PointPhase::kPruned, "pruned"},
}};

// Nothing but the point's folder is known of it.
PointPhase phase_of_run(RunPhase phase) {
  switch (phase) {
    case RunPhase::kPending:
      return PointPhase::kPending;
    case RunPhase::kRunning:
      return PointPhase::kRunning;
    case RunPhase::kStopped:
      return PointPhase::kStopped;
    case RunPhase::kFailed:
      return PointPhase::kFailed;
    case RunPhase::kLost:
      return PointPhase::kLost;
    case RunPhase::kDone:
      return PointPhase::kDone;
  }
  return PointPhase::kPending;
}

// Whether that is all, or the end of a start that a rung or a shorter schedule had.
bool is_whole(const SweepPlan& plan, const SweepPoint& point, int64_t step,
              const std::optional<Outcome>& outcome) {
  if (outcome && outcome->until > 0) return point.steps > 0 && outcome->until >= point.steps;
  return plan.halving.rungs.empty() || step >= point.steps;
}

void stand(const SweepPlan& plan, const SweepPoint& point, bool is_at_end, const RungRecord& rungs,
           PointState& state) {
  // A start that did not end by itself owes the evaluation of the step that it came to.
  const int64_t reached = is_at_end ? state.step : state.step - 1;
  const Standing here = standing(plan, rungs, point, reached, [&](int64_t step) {
    return read_metric(plan.metric, point.folder, step);
  });
  state.rung = here.rung;
  state.until = here.until;
  if (state.phase == PointPhase::kRunning) return;
  const int64_t number = static_cast<int64_t>(here.rung) + 1;
  if (here.pruned) {
    state.phase = PointPhase::kPruned;
    state.reason = text("at rung %ld, step %ld, others were better", number, here.until);
  } else if (here.waits) {
    state.phase = PointPhase::kWaiting;
    state.reason = text("at rung %ld, step %ld, for the others", number, here.until);
  } else if (state.phase == PointPhase::kDone) {
    state.phase = PointPhase::kPending;
  }
}

PointState read_point(const SweepPlan& plan, const SweepPoint& point, const RungRecord& rungs,
                      std::vector<std::string>& problems) {
  PointState state;
  std::error_code code;
  if (!fs::is_directory(point.folder, code)) {
    if (!plan.halving.rungs.empty()) stand(plan, point, false, rungs, state);
    return state;
  }
  const RunStatus run = read_run_status(point.folder);
  const std::optional<Outcome> outcome = read_outcome(point.folder);
  problems.insert(problems.end(), run.problems.begin(), run.problems.end());
  state.step = std::max<int64_t>({run.step, run.checkpoint_step, 0});
  state.value = read_metric(plan.metric, point.folder, 0);
  state.world = run.world;
  state.images_per_second = run.images_per_second;
  state.busy_seconds = run.busy_seconds;
  state.updated_unix_seconds = run.updated_unix_seconds;
  state.phase = phase_of_start(run, outcome, unix_seconds());
  if (outcome) state.failures = outcome->failures;
  if (state.phase == PointPhase::kFailed) {
    state.failures = std::max<int64_t>(1, state.failures);
    state.reason =
        outcome && outcome->failed() && !outcome->reason.empty() ? outcome->reason : run.reason;
  } else if (state.phase == PointPhase::kStopped) {
    state.reason = run.reason;
  } else if (state.phase == PointPhase::kLost) {
    state.reason = run.reason.empty() ? "killed, or its node was lost" : run.reason;
  }
  const bool is_at_end = state.phase == PointPhase::kDone;
  if (is_at_end && is_whole(plan, point, state.step, outcome)) return state;
  if (plan.halving.rungs.empty()) {
    if (is_at_end) state.phase = PointPhase::kPending;
    return state;
  }
  stand(plan, point, is_at_end, rungs, state);
  return state;
}

// Nobody is judged while one is on its way; one that failed holds nobody up.
std::optional<std::vector<Contender>> contenders_at(const SweepPlan& plan, const SweepState& state,
                                                    size_t rung) {
  std::vector<Contender> contenders;
  bool has_value = false;
  for (const SweepPoint& point : plan.points) {
    const PointState& here = state.points[static_cast<size_t>(point.index)];
    if (here.phase == PointPhase::kPruned) continue;
    Contender one{.id = point.id, .group = point.group, .value = std::nullopt};
    const bool has_come = here.phase == PointPhase::kDone || here.rung > rung ||
                          (here.phase == PointPhase::kWaiting && here.rung == rung);
    if (has_come) {
      const int64_t step = step_of_rung(point.steps, plan.halving.rungs[rung]);
      one.value = read_metric(plan.metric, point.folder, step);
    } else if (here.phase != PointPhase::kFailed) {
      return std::nullopt;
    }
    has_value = has_value || one.value.has_value();
    contenders.push_back(std::move(one));
  }
  return has_value ? std::optional(std::move(contenders)) : std::nullopt;
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// What the point is, for its tasks and for people; files that say so already stay untouched.
void make_folder(const SweepPlan& plan, const SweepPoint& point) {
  const fs::path settings = point.folder / kPointConfig;
  if (plan.prepared) {
    std::error_code code;
    if (fs::exists(settings, code)) return;
    throw UsageError("the point's configuration is missing", settings.string(),
                     "give the sweep file itself: " + plan.file.string());
  }
  const auto write = [](const fs::path& file, const std::string& content) {
    if (content_of(file) != content) write_file_atomically(file, content, ErrorKind::kUsage);
  };
  write(settings, resolve_config(plan.config, point.settings).toml);
  json values = json::object();
  for (const auto& [key, value] : point.values) values[key] = value;
  write(point.folder / "point.json", json_text({{"format_version", 1},
                                                {"id", point.id},
                                                {"index", point.index},
                                                {"sweep", plan.name},
                                                {"file", plan.file.string()},
                                                {"values", values}}) +
                                         "\n");
}

}  // namespace

std::string phase_name(PointPhase phase) {
  return std::ranges::find(kPhases, phase, &std::pair<PointPhase, const char*>::first)->second;
}

PointPhase phase_of_start(const RunStatus& run, const std::optional<Outcome>& outcome,
                          double now_unix_seconds) {
  if (run.phase == RunPhase::kRunning) return PointPhase::kRunning;
  const bool has_begun = outcome && !outcome->ended;
  if (has_begun && may_live(*outcome, now_unix_seconds)) return PointPhase::kRunning;
  if (run.phase == RunPhase::kDone) return PointPhase::kDone;
  // A second of two clocks; a run that somebody took on by hand since then speaks for itself.
  const bool is_newest = outcome && outcome->unix_seconds + 1 >= run.updated_unix_seconds;
  if (is_newest && outcome->failed()) return PointPhase::kFailed;
  if (run.phase != RunPhase::kPending) return phase_of_run(run.phase);
  if (has_begun) return PointPhase::kLost;
  const bool is_stopped = outcome && outcome->ended && outcome->code == kExitStopped;
  return is_stopped ? PointPhase::kStopped : PointPhase::kPending;
}

SweepState read_sweep_state(const SweepPlan& plan) {
  SweepState state;
  state.rungs = read_rungs(plan);
  for (const SweepPoint& point : plan.points)
    state.points.push_back(read_point(plan, point, state.rungs, state.problems));
  return state;
}

void read_point_again(const SweepPlan& plan, const SweepPoint& point, SweepState& state) {
  std::vector<std::string> problems;
  state.points[static_cast<size_t>(point.index)] = read_point(plan, point, state.rungs, problems);
}

bool is_open(const PointState& state, FailedPoints failed) {
  switch (state.phase) {
    case PointPhase::kPending:
    case PointPhase::kStopped:
    case PointPhase::kLost:
      return true;
    case PointPhase::kFailed:
      return failed == FailedPoints::kAll || state.failures < kFailuresToSkip;
    case PointPhase::kRunning:
    case PointPhase::kWaiting:
    case PointPhase::kDone:
    case PointPhase::kPruned:
      return false;
  }
  return false;
}

std::vector<int64_t> open_points(const SweepState& state, FailedPoints failed) {
  std::vector<int64_t> open;
  for (size_t i = 0; i < state.points.size(); ++i) {
    if (is_open(state.points[i], failed)) open.push_back(static_cast<int64_t>(i));
  }
  return open;
}

bool settle_rungs(const SweepPlan& plan, SweepState& state) {
  const std::vector<double>& shares = plan.halving.rungs;
  bool decided = false;
  while (state.rungs.rungs.size() < shares.size()) {
    const size_t rung = state.rungs.rungs.size();
    const auto contenders = contenders_at(plan, state, rung);
    if (!contenders) break;
    state.rungs.rungs.push_back(
        decide(shares[rung], plan.halving.keep, plan.higher_is_better, *contenders));
    write_rungs(plan, state.rungs);
    for (const SweepPoint& point : plan.points) {
      if (state.points[static_cast<size_t>(point.index)].phase == PointPhase::kWaiting)
        read_point_again(plan, point, state);
    }
    decided = true;
  }
  return decided;
}

RunLock lock_sweep(const SweepPlan& plan) {
  require_writable_target(plan.out / "sweep.json", ErrorKind::kUsage);
  RunLock lock = try_lock_run(plan.out / "lock");
  if (lock.state == LockState::kHeld) {
    throw UsageError(
        "the sweep is in use by " + holder_of_lock(plan.out / "lock"), plan.out.string(),
        "wait until that process has ended; `catamaran sweep show` tells how far it is");
  }
  return lock;
}

PreparedSweep prepare_sweep(const SweepPlan& plan, FailedPoints failed) {
  const RunLock lock = lock_sweep(plan);
  return prepare_sweep(plan, failed, lock);
}

PreparedSweep prepare_sweep(const SweepPlan& plan, FailedPoints failed, const RunLock& lock) {
  CATAMARAN_ASSERT(lock.state != LockState::kHeld, "the caller has the sweep's lock");
  PreparedSweep ready;
  ready.plan = plan;
  ready.state = read_sweep_state(plan);
  settle_rungs(plan, ready.state);
  ready.open = open_points(ready.state, failed);
  for (SweepPoint& point : ready.plan.points) point.until = kNothingToDo;
  for (const int64_t index : ready.open) {
    const auto i = static_cast<size_t>(index);
    make_folder(plan, plan.points[i]);
    ready.plan.points[i].until = ready.state.points[i].until;
  }
  ready.file = write_prepared_plan(ready.plan);
  ready.plan.prepared = true;
  return ready;
}

}  // namespace catamaran
