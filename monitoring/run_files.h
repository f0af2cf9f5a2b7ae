// RunFiles: what there is in a run directory, read with a bound each and never waited for, however
// it was left: by another version, half deleted, edited, or as the folder of something else.
//
//   const RunFiles files = read_run_files("runs/a");
//   files.lives.back();            // entries of manifest.json, objects all
//   files.problems;                // "runs/a/failure.json: not valid JSON: ..."
//
// Run status (monitoring/run_status.h) is made of it. Errors: none. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/lock_holder.h"

namespace catamaran {

struct RunFiles {
  std::string name;                    // the manifest's, else the folder's
  std::vector<nlohmann::json> lives;   // one for each start, the newest last
  nlohmann::json failure;              // failure.json; null where there is none
  double failure_unix_seconds = 0;     // when it was written
  std::vector<nlohmann::json> steps;   // the newest of metrics.jsonl that are steps, in order
  std::vector<nlohmann::json> log;     // the newest lines of log.jsonl
  nlohmann::json submitted;            // submitted.json: the newest submission; null without
  nlohmann::json outcome;              // outcome.json of a sweep's point; null without
  LockLook lock;                       // of RUN/lock
  std::string latest;                  // what checkpoints/latest names; empty: nothing
  nlohmann::json checkpoint;           // its state.json; null where there is none
  double checkpoint_unix_seconds = 0;  // when that was written
  double changed_unix_seconds = 0;     // newest sign of life; 0: none
  std::vector<std::string> problems;
};

RunFiles read_run_files(const std::filesystem::path& run);

// Step, and mAP as a ratio, of an evaluation of the run.
struct RunEvaluation {
  int64_t step = 0;
  double map = 0;
};
// The newest `most` of RUN/eval, newest first. steps_per_epoch: 0 where it is not known. Adds to
// problems.
std::vector<RunEvaluation> read_run_evaluations(const std::filesystem::path& run,
                                                int64_t steps_per_epoch, size_t most,
                                                std::vector<std::string>& problems);

// What config.toml says of a run whose manifest is of an earlier version and does not tell it.
struct RunPlan {
  int64_t global_batch = 0, epochs = 0, max_steps = 0;
};
std::optional<RunPlan> read_run_plan(const std::filesystem::path& run);

}  // namespace catamaran
