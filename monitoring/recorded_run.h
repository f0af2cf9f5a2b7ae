// RecordedRun: what a run left in its directory, read for the report: config.toml, manifest.json,
// metrics.jsonl, and, where the run has them, data.json, eval/*.json and explain/explain.json with
// its pictures.
//
//   const RecordedRun run = read_recorded_run("runs/voc07");
//
// Errors: UsageError naming the file, in the run's folder, that is missing or cannot be understood.
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evaluation/f_measures.h"
#include "monitoring/step_report.h"

namespace catamaran {

struct RecordedEvaluation {
  std::string name;  // of the file, without .json
  double epoch = 0;  // epochs trained: 3 for epoch-0003
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
  std::string overlay_png;  // the file's bytes
  std::string verdict{};    // right, wrong, missing, ignored, ...; empty in older files
};

struct ExplainedImage {
  std::string image;
  std::string picture_png;
  std::vector<ExplainedLabel> labels;
};

struct RecordedRun {
  std::filesystem::path folder;
  std::string name;  // the manifest's, else the folder's
  std::string config;
  nlohmann::json manifest;
  nlohmann::json data;  // data.json; null where the run has none
  std::vector<StepReport> steps;
  std::vector<RecordedEvaluation> evaluations;  // in the order of epochs
  std::vector<ExplainedImage> explained;

  // The evaluation of the highest mAP, the first of them; none without evaluations.
  const RecordedEvaluation* best() const;
};

RecordedRun read_recorded_run(const std::filesystem::path& folder);

}  // namespace catamaran
