// What a run reached, and whether its numbers can be trusted, in a few sentences: the first thing
// that a reader of the report wants to know.
//
//   const RunVerdict verdict = judge(run, summarize(run), read_run_status(run.folder));
//   verdict.trust == Trust::kGood;  verdict.headline;   // "Finished 40 epochs. Best mAP 87.21 %
//   ..."
//
// A finding that makes the numbers wrong or another experiment's (overlapping packs, injected
// faults, a loss that is no number, no evaluation) is bad; what a reader should know of before they
// are quoted (restarts with changed keys, skipped steps, files that are missing, an end that is not
// there yet) asks for caution. Trust is the worst of the findings. Pure. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "monitoring/paper_rows.h"
#include "monitoring/recorded_run.h"
#include "monitoring/run_status.h"
#include "monitoring/run_summary.h"

namespace catamaran {

enum class Trust { kGood, kCaution, kBad };

struct RunFinding {
  Trust level = Trust::kGood;
  std::string text;  // a clause, without a full stop
};

struct RunVerdict {
  Trust trust = Trust::kGood;
  std::string headline;              // sentences
  std::vector<RunFinding> findings;  // worst first
  std::optional<PaperRow> paper;
  std::vector<std::string> deviations;  // from the paper's row; none: comparable
};

RunVerdict judge(const RecordedRun& run, const RunSummary& summary, const RunStatus& status);

// The data set that a run was trained on, as its pack names it; empty: not known.
std::string data_set_of(const RecordedRun& run);

}  // namespace catamaran
