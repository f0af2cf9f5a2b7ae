// Walk over the points of a class's precision-recall curve: what average precision sums and what a
// chart draws.
//
//   visit_points(ranking, [&](const CurvePoint& point) { area += point.precision(); });
//
// One point per distinct score, from the highest down: all items of at least that score. Points
// that reach no new positive are left out: they lower precision and leave recall as it is. Without
// positives there is none. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "evaluation/ranking.h"

namespace catamaran {

struct CurvePoint {
  int64_t predicted = 0;
  int64_t true_positives = 0;
  float score = 0;  // of the last item taken: the point's threshold

  double precision() const {
    return static_cast<double>(true_positives) / static_cast<double>(predicted);
  }
};

template <typename Visit>
void visit_points(const Ranking& ranking, Visit&& visit) {
  const auto items = ranking.items();
  CurvePoint point;
  int64_t visited = 0;
  for (size_t i = 0; i < items.size() && visited < ranking.positives(); ++i) {
    ++point.predicted;
    point.true_positives += Ranking::positive(items[i]) ? 1 : 0;
    const bool block_ends = i + 1 == items.size() || !Ranking::same_score(items[i], items[i + 1]);
    if (block_ends && point.true_positives > visited) {
      point.score = Ranking::score(items[i]);
      visit(point);
      visited = point.true_positives;
    }
  }
}

}  // namespace catamaran
