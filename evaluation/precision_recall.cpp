#include "evaluation/precision_recall.h"

namespace catamaran {

PrecisionRecallCurve precision_recall(const Ranking& ranking, int64_t most) {
  PrecisionRecallCurve curve;
  curve.positives = ranking.positives();
  int64_t wanted = 1;  // recall of wanted / most comes next
  visit_points(ranking, [&](const CurvePoint& point) {
    if (point.true_positives * most < wanted * curve.positives) return;
    curve.points.push_back(point);
    wanted = point.true_positives * most / curve.positives + 1;
  });
  return curve;
}

}  // namespace catamaran
