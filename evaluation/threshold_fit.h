// Thresholds per class, fitted on scored images that were not trained on: the probability from
// which a label counts as present, such that the class's F measure is highest.
//
//   const std::vector<FittedThreshold> fitted = fit_thresholds(table, {.beta = 1});
//
// Only cuts between two different probabilities can differ, so those are all tried. The threshold
// is the middle between the lowest probability taken and the highest left out (0 when none is), not
// one of the scores themselves, so that a rounding elsewhere decides nothing. Cuts with the same F:
// the threshold nearest to 0.5 wins. Labels 0 (ignored) do not count. A class with fewer positives
// than asked for keeps kDefaultThreshold.
//
//   F_beta = (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP)
//
// Errors: NumericsError for a score that is not a number, naming the class. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluation/score_table.h"

namespace catamaran {

constexpr double kDefaultThreshold = 0.5;

struct ThresholdObjective {
  double beta = 1;              // of F; 2 weighs recall more, 0.5 precision
  int64_t least_positives = 1;  // fewer: not fitted
};

struct FittedThreshold {
  double threshold = kDefaultThreshold;
  double f = 0;             // at the threshold; 0 without positives
  double f_at_default = 0;  // at kDefaultThreshold
  int64_t positives = 0;
  bool fitted = false;
};

// One per class of the table, in its order.
std::vector<FittedThreshold> fit_thresholds(const ScoreTable& table,
                                            const ThresholdObjective& objective);

}  // namespace catamaran
