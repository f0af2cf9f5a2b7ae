#include "evaluation/curves.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "evaluation/sigmoid.h"

namespace catamaran {
namespace {

using nlohmann::json;

// Six digits behind the point: a threshold to look at.
double rounded(double probability) { return std::round(probability * 1e6) / 1e6; }

json curve_json(const PrecisionRecallCurve& curve) {
  json predicted = json::array(), hits = json::array(), thresholds = json::array();
  for (const CurvePoint& point : curve.points) {
    predicted.push_back(point.predicted);
    hits.push_back(point.true_positives);
    thresholds.push_back(rounded(sigmoid(point.score)));
  }
  return {{"positives", curve.positives},
          {"predicted", predicted},
          {"true_positives", hits},
          {"threshold", thresholds}};
}

json pairs_json(const std::vector<ConfusedPair>& pairs) {
  json list = json::array();
  for (const ConfusedPair& pair : pairs)
    list.push_back({pair.first, pair.second, pair.images, pair.of});
  return list;
}

json counts_json(const std::vector<ClassOutcomes>& classes) {
  json hits = json::array(), invented = json::array(), missed = json::array();
  for (const ClassOutcomes& c : classes) {
    hits.push_back(c.true_positives);
    invented.push_back(c.false_positives);
    missed.push_back(c.false_negatives);
  }
  return {{"true_positives", hits}, {"false_positives", invented}, {"false_negatives", missed}};
}

}  // namespace

EvaluationCurves curves_of(const ScoreTable& table, const Protocol& protocol) {
  EvaluationCurves curves;
  curves.protocol = protocol;
  curves.images = table.images;
  curves.classes = table.classes;
  const auto classes = static_cast<int64_t>(table.classes.size());
  Ranking ranking;
  for (int64_t c = 0; c < classes && table.classes.size() <= kMostCurveClasses; ++c) {
    const size_t from = table.images > 0 ? static_cast<size_t>(c) : 0;
    ranking.sort(std::span(table.scores).subspan(from), std::span(table.labels).subspan(from),
                 classes);
    curves.by_class.push_back(precision_recall(ranking, kMostCurvePoints));
  }
  if (table.scores.size() <= kMostPooledCells) {
    ranking.sort(table.scores, table.labels, 1);
    curves.pooled = precision_recall(ranking, kMostCurvePoints);
  }
  const std::vector<double> thresholds(table.classes.size(), protocol.threshold);
  curves.confusions = confusions(table, thresholds, protocol.difficult_in_f1, kMostPairs);
  return curves;
}

std::string curves_json(const EvaluationCurves& curves) {
  json root = {{"format_version", 1},
               {"protocol", curves.protocol.name},
               {"threshold", curves.protocol.threshold},
               {"images", curves.images},
               {"classes", curves.classes},
               {"counts", counts_json(curves.confusions.classes)},
               {"precision_recall", json::array()},
               {"pooled", curves.pooled ? curve_json(*curves.pooled) : json()},
               {"mistaken", pairs_json(curves.confusions.mistaken)},
               {"invented", pairs_json(curves.confusions.invented)},
               {"missed", pairs_json(curves.confusions.missed)}};
  for (const PrecisionRecallCurve& curve : curves.by_class)
    root["precision_recall"].push_back(curve_json(curve));
  return root.dump() + "\n";
}

}  // namespace catamaran
