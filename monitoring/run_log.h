// RunLog: metrics.jsonl of a run directory, one JSON object a line: step, epoch, loss,
// learning_rate, gradient_norm, images_per_second, data_wait_ratio, step_seconds, applied, images,
// the seconds of each phase, exchanged_bytes, alpha, beta, gamma, loss_scale, slowest_rank,
// slowest_rank_seconds, median_rank_seconds, and, of a step that was not applied, why it was
// skipped. Flushed per line; a value that is not finite is null.
//
//   RunLog log(run_dir / "metrics.jsonl", first_step);
//   log.record(report);
//
// Lines that a resumed run repeats, and lines that a kill or a full disk tore:
// monitoring/step_lines.h.
//
// Errors: UsageError naming file and line when the file cannot be opened, read or understood; a
// line that cannot be written is left out with a warning. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "monitoring/step_lines.h"
#include "monitoring/step_report.h"

namespace catamaran {

// Of the lines that stayed when a log was opened.
struct KeptSteps {
  int64_t lines = 0;
  double applied_seconds = 0;  // step_seconds of the steps that were applied
};

class RunLog {
 public:
  explicit RunLog(const std::filesystem::path& path, int64_t first_step = 0);
  void record(const StepReport& report);
  int64_t newest_dropped() const { return lines_.newest_dropped(); }
  const KeptSteps& kept() const { return kept_; }

 private:
  KeptSteps kept_;
  StepLines lines_;
};

// The steps in the file's order; null numbers are NaN.
std::vector<StepReport> read_run_log(const std::filesystem::path& path);

}  // namespace catamaran
