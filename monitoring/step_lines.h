// StepLines: a log of a run that has one JSON object a line, each with its "step": appended to, and
// flushed, line by line.
//
//   StepLines log(run_dir / "samples.jsonl", first_step);
//   log.append({{"step", 7}, {"ids", ids}});
//
// A resumed run repeats steps: lines of steps >= first_step from an earlier life are dropped when
// the log is opened, the others stay as they are. A last line that a kill tore is dropped too; any
// other line that is no step is an error.
//
// Errors: UsageError naming file and line when the file cannot be read, written or understood. One
// thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "support/stdio_file.h"

namespace catamaran {

class StepLines {
 public:
  StepLines(std::filesystem::path path, int64_t first_step);
  void append(const nlohmann::ordered_json& line);

 private:
  std::filesystem::path path_;
  StdioFile file_;
};

// Every line in the file's order, without its end; a torn last one is left out. A json::exception
// that `visit` throws (a key is missing) means a line that is no step.
void for_each_step_line(
    const std::filesystem::path& path,
    const std::function<void(const std::string& text, const nlohmann::json& line)>& visit);

}  // namespace catamaran
