// The precision-recall curve of one class, or of all cells of a table at once, in few points.
//
//   const PrecisionRecallCurve curve = precision_recall(ranking, 50);
//   curve.points[k].precision();   curve.recall(k);   sigmoid(curve.points[k].score);
//
// Of the curve's own points (evaluation/curve_points.h), for each k of 1 ... most the first one
// whose recall is at least k / most: nothing is interpolated, and the last point always reaches
// every positive. At most `most` points, fewer where there are fewer positives or many ties.
// Recalls are compared as fractions. Source: scikit-learn's precision_recall_curve, whose points
// these are. Thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "evaluation/curve_points.h"

namespace catamaran {

struct PrecisionRecallCurve {
  int64_t positives = 0;
  std::vector<CurvePoint> points;  // recall rises

  double recall(size_t point) const {
    return static_cast<double>(points[point].true_positives) / static_cast<double>(positives);
  }
};

PrecisionRecallCurve precision_recall(const Ranking& ranking, int64_t most);

}  // namespace catamaran
