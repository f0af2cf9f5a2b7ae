// What an evaluation leaves beside its numbers, for those who ask where they come from:
// precision-recall curves and confusions, bounded in size.
//
//   const EvaluationCurves curves = curves_of(table, protocol("default"));
//   write_file_atomically(run / "curves/epoch-0003.json", curves_json(curves), ...);
//
// At most kMostCurvePoints points a class, kMostPairs pairs a kind; more than kMostCurveClasses
// classes have no curves of their own, and a table of more than kMostPooledCells cells has none of
// all cells together. Of 80 classes the file has about 100 KB. Errors: NumericsError for a score
// that is not a number. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/confusions.h"
#include "evaluation/precision_recall.h"
#include "evaluation/protocol.h"
#include "evaluation/score_table.h"

namespace catamaran {

constexpr int64_t kMostCurvePoints = 50;
constexpr size_t kMostCurveClasses = 500;
constexpr size_t kMostPairs = 200;
constexpr size_t kMostPooledCells = size_t{16} << 20;  // ranked at once: 16 bytes each

struct EvaluationCurves {
  Protocol protocol;
  int64_t images = 0;
  std::vector<std::string> classes;
  std::vector<PrecisionRecallCurve> by_class;  // in the order of classes; empty: too many
  std::optional<PrecisionRecallCurve> pooled;  // every cell a decision ("micro")
  Confusions confusions;
};

EvaluationCurves curves_of(const ScoreTable& table, const Protocol& protocol);

// One JSON object: docs/formats.md.
std::string curves_json(const EvaluationCurves& curves);

}  // namespace catamaran
