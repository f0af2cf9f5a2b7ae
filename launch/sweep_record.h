// The files of a sweep's folder (docs/sweeps.md):
//
//   OUT/plans/3f9a1c20d4e1.json   a plan as it was prepared, named by its content; it never changes
//   OUT/sweep.json                the newest of them
//   OUT/rungs.json                what was decided at the rungs (launch/sweep_halving.h)
//   OUT/ID/outcome.json           how the newest start of a point began or ended
//
// Those that describe a sweep are read as if somebody had made them to do harm. Errors: UsageError
// with file and key. Thread-safe; a file has one writer at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launch/sweep_halving.h"
#include "launch/sweep_plan.h"

namespace catamaran {

constexpr int64_t kLargestPlanBytes = int64_t{64} << 20;

// Returns OUT/plans/ID.json.
std::filesystem::path write_prepared_plan(const SweepPlan& plan);
// Points lie where the plan does, wherever the folder was moved to.
SweepPlan read_prepared_plan(const std::filesystem::path& file);
// OUT/sweep.json; UsageError where there is none.
std::filesystem::path newest_plan(const std::filesystem::path& out);

void write_rungs(const SweepPlan& plan, const RungRecord& record);
// Nothing decided where there is no file.
RungRecord read_rungs(const SweepPlan& plan);

// A start of a point. Written by rank 0 of it, or by the process that started the ranks.
struct Outcome {
  bool ended = false;
  int code = 0;             // of docs/exit-codes.md, once it has ended
  std::string reason;       // of a failure, one sentence; empty: not known
  int64_t failures = 0;     // in a row, this one included
  int64_t until = 0;        // the step that it was to end at; 0: the last
  double unix_seconds = 0;  // of the start or the end
  std::string host;         // where the writer ran,
  int64_t process = 0;      // and its number there

  bool failed() const;  // it ended, and with another code than 0 and 75
};
void write_outcome(const std::filesystem::path& point, const Outcome& outcome);
// None where there is no file, or none that can be understood.
std::optional<Outcome> read_outcome(const std::filesystem::path& point);
// Of a start that has not ended: its writer lives on this host; on another one it may.
bool may_live(const Outcome& outcome, double now_unix_seconds);

}  // namespace catamaran
