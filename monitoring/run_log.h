// RunLog: metrics.jsonl of a run directory, one JSON object a line: step, epoch, loss,
// learning_rate, gradient_norm, images_per_second, data_wait_ratio, step_seconds, applied, images,
// the seconds of each phase, alpha, beta, gamma. Flushed per line; a value that is not finite is
// null.
//
//   RunLog log(run_dir / "metrics.jsonl", first_step);   // lines of steps >= first_step from an
//   earlier life are dropped log.record(report);
//
// read_run_log skips a torn last line. Errors: UsageError when the file cannot be opened or
// rewritten. One thread at a time.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "monitoring/step_report.h"
#include "support/handle.h"

namespace catamaran {

struct StdioTraits {
  using type = std::FILE*;
  static constexpr type empty() { return nullptr; }
  static void close(type file) noexcept { std::fclose(file); }
};
using StdioFile = Handle<StdioTraits>;

class RunLog {
 public:
  explicit RunLog(std::filesystem::path path, int64_t first_step = 0);
  void record(const StepReport& report);

 private:
  std::filesystem::path path_;
  StdioFile file_;
};

std::vector<StepReport> read_run_log(const std::filesystem::path& path);

}  // namespace catamaran
