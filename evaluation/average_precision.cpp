#include "evaluation/average_precision.h"

#include <algorithm>
#include <vector>

#include "evaluation/curve_points.h"

namespace catamaran {
namespace {

double sum_over_thresholds(const Ranking& ranking) {
  double sum = 0;
  int64_t before = 0;
  visit_points(ranking, [&](const CurvePoint& point) {
    sum += static_cast<double>(point.true_positives - before) * point.precision();
    before = point.true_positives;
  });
  return sum / static_cast<double>(ranking.positives());
}

double mean_over_positives(const Ranking& ranking) {
  double sum = 0;
  CurvePoint point;
  for (const uint64_t item : ranking.items()) {
    ++point.predicted;
    if (!Ranking::positive(item)) continue;
    ++point.true_positives;
    sum += point.precision();
  }
  return sum / static_cast<double>(ranking.positives());
}

// envelope[k]: the highest precision at any recall from that of points[k] on.
std::vector<double> envelope_of(const std::vector<CurvePoint>& points) {
  std::vector<double> envelope(points.size());
  double highest = 0;
  for (size_t k = points.size(); k-- > 0;) {
    highest = std::max(highest, points[k].precision());
    envelope[k] = highest;
  }
  return envelope;
}

double area_under_envelope(const Ranking& ranking, const std::vector<CurvePoint>& points) {
  const std::vector<double> envelope = envelope_of(points);
  double sum = 0;
  int64_t before = 0;
  for (size_t k = 0; k < points.size(); ++k) {
    sum += static_cast<double>(points[k].true_positives - before) * envelope[k];
    before = points[k].true_positives;
  }
  return sum / static_cast<double>(ranking.positives());
}

double eleven_point_mean(const Ranking& ranking, const std::vector<CurvePoint>& points) {
  const std::vector<double> envelope = envelope_of(points);
  double sum = 0;
  size_t k = 0;
  for (int64_t tenths = 0; tenths <= 10; ++tenths) {
    while (10 * points[k].true_positives < tenths * ranking.positives()) ++k;
    sum += envelope[k];
  }
  return sum / 11;
}

}  // namespace

std::optional<double> average_precision(const Ranking& ranking, ApDefinition definition) {
  if (ranking.positives() == 0) return std::nullopt;
  if (definition == ApDefinition::kSklearn) return sum_over_thresholds(ranking);
  if (definition == ApDefinition::kMlGcn) return mean_over_positives(ranking);
  std::vector<CurvePoint> points;
  visit_points(ranking, [&](const CurvePoint& point) { points.push_back(point); });
  return definition == ApDefinition::kEnvelope ? area_under_envelope(ranking, points)
                                               : eleven_point_mean(ranking, points);
}

std::optional<double> average_precision(std::span<const float> scores,
                                        std::span<const int8_t> labels, int64_t stride,
                                        ApDefinition definition) {
  Ranking ranking;
  ranking.sort(scores, labels, stride);
  return average_precision(ranking, definition);
}

}  // namespace catamaran
