// RunLog: metrics.jsonl of a run directory, one JSON object a line with the keys of design section
// 4 (step, epoch, loss, learning_rate, gradient_norm, images_per_second, data_wait_ratio,
// step_seconds, and the phases), flushed per line.
//
//   RunLog log(run_dir / "metrics.jsonl", first_step);   // lines of steps >= first_step from an
//   earlier life are dropped log.record(report);
//
// read_run_log skips a torn last line. Errors: UsageError when the file cannot be opened or
// rewritten (run directory is the user's choice). One thread at a time.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "monitoring/step_report.h"

namespace catamaran {

class RunLog {
 public:
  explicit RunLog(std::filesystem::path path, int64_t first_step = 0);
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;
  ~RunLog();
  void record(const StepReport& report);

 private:
  std::filesystem::path path_;
  std::FILE* file_ = nullptr;
};

std::vector<StepReport> read_run_log(const std::filesystem::path& path);

}  // namespace catamaran
