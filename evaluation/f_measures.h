// OP, OR, OF1, CP, CR, CF1: precision, recall and F1 over all labels (O) and as means over classes
// (C).
//
//   const FMeasures top3 = f_measures(table, 0.5, 3, IgnoredLabels::kIgnore);
//
//   OP = sum TP / sum predicted                  OR = sum TP / sum positives
//   CP = mean over classes of TP / predicted     CR = mean over classes of TP / positives
//   F1 = 2 P R / (P + R) of the pair; 0 / 0 counts as 0, also for a class without positives in CR
//
// A label is predicted when its probability reaches the threshold; for top-3 it must also be among
// its image's three highest scores (ties: the lower class first). An ignored label is neither
// predicted nor positive, yet keeps its place among the three. Source: the ML-GCN family's
// protocol. Thread-safe.
#pragma once

#include <cstdint>
#include <span>

#include "evaluation/score_table.h"

namespace catamaran {

// What a label 0 ('difficult') is to precision and recall: not there, or absent from the image.
enum class IgnoredLabels { kIgnore, kNegative };

struct FMeasures {
  double op = 0, orr = 0, of1 = 0;  // orr: the key "or", which C++ reserves
  double cp = 0, cr = 0, cf1 = 0;
};

// top: labels an image may have at most; 0: no limit.
FMeasures f_measures(const ScoreTable& table, double threshold, int64_t top, IgnoredLabels ignored);
// The same with a threshold for each class, as probabilities.
FMeasures f_measures(const ScoreTable& table, std::span<const double> thresholds, int64_t top,
                     IgnoredLabels ignored);

}  // namespace catamaran
