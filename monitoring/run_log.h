// RunLog: metrics.jsonl of a run directory, one JSON object a line: step, epoch, loss,
// learning_rate, gradient_norm, images_per_second, data_wait_ratio, step_seconds, applied, images,
// the seconds of each phase, exchanged_bytes, alpha, beta, gamma, loss_scale. Flushed per line; a
// value that is not finite is null.
//
//   RunLog log(run_dir / "metrics.jsonl", first_step);
//   log.record(report);
//
// Lines that a resumed run repeats, and a last line that a kill tore: monitoring/step_lines.h.
//
// Errors: UsageError naming file and line when the file cannot be read, written or understood. One
// thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "monitoring/step_lines.h"
#include "monitoring/step_report.h"

namespace catamaran {

class RunLog {
 public:
  explicit RunLog(std::filesystem::path path, int64_t first_step = 0);
  void record(const StepReport& report);

 private:
  StepLines lines_;
};

// The steps in the file's order; null numbers are NaN.
std::vector<StepReport> read_run_log(const std::filesystem::path& path);

}  // namespace catamaran
