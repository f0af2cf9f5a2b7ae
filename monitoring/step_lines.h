// StepLines: a log of a run that has one JSON object a line, each with its "step": appended to, and
// flushed, line by line.
//
//   StepLines log(run_dir / "samples.jsonl", first_step);
//   log.append({{"step", 7}, {"ids", ids}});
//
// A resumed run repeats steps: lines of steps >= first_step from an earlier life are dropped when
// the log is opened, the others stay as they are. A line that a kill or a full disk tore, which is
// no JSON, is dropped too; any other line that is no step is an error. A line that cannot be
// written is left out, with a warning once an outage (support/line_file.h).
//
// Errors: UsageError naming file and line when the file cannot be opened, read or understood. One
// thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "support/line_file.h"

namespace catamaran {

class StepLines {
 public:
  // kept: told of each line that stays, if it is given.
  StepLines(const std::filesystem::path& path, int64_t first_step,
            const std::function<void(const nlohmann::json& line)>& kept = {});
  void append(const nlohmann::ordered_json& line);
  // The highest step among the lines that were dropped; 0: none was.
  int64_t newest_dropped() const { return newest_dropped_; }

 private:
  int64_t newest_dropped_;
  LineFile file_;
};

// Every line in the file's order, without its end; torn ones are left out. A json::exception that
// `visit` throws (a key is missing) means a line that is no step.
void for_each_step_line(
    const std::filesystem::path& path,
    const std::function<void(const std::string& text, const nlohmann::json& line)>& visit);

}  // namespace catamaran
