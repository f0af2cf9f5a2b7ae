// RecordedCurves: a file of RUN/curves (evaluation/curves.h writes them): precision-recall points
// and what went wrong together.
//
//   const RecordedCurves curves = recorded_curves(root, "epoch-0003");
//   curves.by_class[c].precision;      curves.mistaken.front().images;
//
// Errors: nlohmann::json::exception, or UsageError with what does not fit together, for a file of
// another version. Thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/confusions.h"

namespace catamaran {

struct RecordedCurve {
  int64_t positives = 0;
  std::vector<double> recall, precision, threshold;  // recall rises
};

struct RecordedCurves {
  std::string evaluation;  // its file's name, without .json
  double threshold = 0.5;
  std::vector<std::string> classes;
  std::vector<RecordedCurve> by_class;  // in their order; empty: too many
  std::optional<RecordedCurve> pooled;
  std::vector<ClassOutcomes> outcomes;
  std::vector<ConfusedPair> mistaken, invented, missed;  // classes are places in `classes`
};

RecordedCurves recorded_curves(const nlohmann::json& root, const std::string& evaluation);

}  // namespace catamaran
