// RecordedRun: what a run left in its directory, read for the report (docs/formats.md has the
// files). Half of them may be gone, or be another version's: what is there is read, and of the rest
// `problems` says in a sentence each what is missing or cannot be understood.
//
//   const RecordedRun run = read_recorded_run("runs/voc07");
//
// Every file is read as if somebody had made it to do harm: bounded in size, and explain.json can
// name pictures beside it alone. Pictures are made small (drawing/thumbnail.h). Errors: UsageError
// where the folder is not there, or holds no file of a run. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evaluation/f_measures.h"
#include "monitoring/recorded_config.h"
#include "monitoring/recorded_curves.h"
#include "monitoring/recorded_step.h"

namespace catamaran {

struct RecordedEvaluation {
  std::string name;  // of the file, without .json
  double epoch = 0;  // epochs trained: 3 for epoch-0003
  int64_t step = 0;  // 0: the file does not say
  std::string protocol;
  std::string weights;  // raw, ema; empty when the file does not say
  int64_t images = 0;
  double map = 0;
  std::vector<std::pair<std::string, std::optional<double>>> ap;  // by class
  FMeasures all;
  FMeasures top3;
};

struct ExplainedLabel {
  std::string label;
  double probability = 0;
  std::string overlay_jpeg;  // a file's bytes
  std::string verdict{};     // right, wrong, missing, ignored, ...; empty in older files
};

struct ExplainedImage {
  std::string image;
  std::string picture_jpeg;
  std::vector<ExplainedLabel> labels;
  std::string rank;  // best, worst; empty: not chosen by its loss
  double loss = 0;
};

struct RankTimes {  // of a step, by rank
  int64_t step = 0;
  std::vector<double> seconds;       // of its own, before it waits for others
  std::vector<double> wait_seconds;  // of these, for data
};

struct RecordedCheckpoint {
  double unix_seconds = 0;
  int64_t step = 0;
  std::string kind;  // periodic, best, signal, final
  bool ok = false;
  int64_t bytes = 0;
  double write_seconds = 0, stall_seconds = 0;
};

struct LoggedWarning {
  double unix_seconds = 0;
  std::string level;  // warning, error
  int64_t rank = 0;
  std::string message;
};

struct RecordedPoint {  // of a sweep
  std::string id;
  int64_t index = 0;
  std::vector<std::pair<std::string, nlohmann::json>> values;
};

struct RecordedRun {
  std::filesystem::path folder;
  std::string name;    // the manifest's, else the folder's
  std::string config;  // as it is
  std::vector<Setting> settings;
  nlohmann::json manifest;  // null: there is none
  nlohmann::json data;      // data.json; null where the run has none
  std::vector<RecordedStep> steps;
  std::vector<RecordedEvaluation> evaluations;  // in the order of epochs
  std::optional<RecordedCurves> curves;  // of the best evaluation that has some, else the newest
  std::vector<RankTimes> ranks;
  std::vector<RecordedCheckpoint> checkpoints;
  std::vector<LoggedWarning> warnings;  // the newest
  std::vector<ExplainedImage> explained;
  std::optional<RecordedPoint> point;
  std::vector<std::string> problems;

  // The evaluation of the highest mAP, the first of them; none without evaluations.
  const RecordedEvaluation* best() const;
  // The newest start, an object; null where the manifest tells of none.
  nlohmann::json newest_life() const;
};

RecordedRun read_recorded_run(const std::filesystem::path& folder);

}  // namespace catamaran
