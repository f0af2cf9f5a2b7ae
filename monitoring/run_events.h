// What happened to a run, in order: starts and ends, steps that were skipped, evaluations,
// checkpoints, warnings.
//
//   for (const RunEvent& event : events_of(run)) event.text;    // "start 2, from step 1,200, on
//   ..."
//
// From the manifest, the logged steps, eval/, events.jsonl and log.jsonl. A step has no wall-clock
// time of its own: between two events that have both, time is taken to pass evenly, and such a time
// is marked as about. Bounded: neighbouring skipped steps are one event, and of each kind the
// newest kMostOfAKind are kept. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "monitoring/recorded_run.h"
#include "monitoring/run_verdict.h"

namespace catamaran {

constexpr size_t kMostOfAKind = 120;

struct RunEvent {
  double unix_seconds = 0;  // 0: not known
  bool is_about = false;    // by its step
  int64_t step = -1;        // -1: not known
  std::string kind;         // start, end, failure, skipped, evaluation, checkpoint, warning, error
  Trust level = Trust::kGood;
  std::string text;
};

std::vector<RunEvent> events_of(const RecordedRun& run);

}  // namespace catamaran
