#include "evaluation/average_precision.h"

#include <algorithm>
#include <vector>

namespace catamaran {
namespace {

// A point of the precision-recall curve: the state after all items down to one score.
struct Point {
  int64_t true_positives = 0;
  int64_t predicted = 0;

  double precision() const {
    return static_cast<double>(true_positives) / static_cast<double>(predicted);
  }
};

// One point per distinct score; those that reach no new positive cannot matter and are left out.
template <typename Visit>
void visit_points(const Ranking& ranking, Visit&& visit) {
  const auto items = ranking.items();
  Point point;
  int64_t visited = 0;
  for (size_t i = 0; i < items.size() && visited < ranking.positives(); ++i) {
    ++point.predicted;
    point.true_positives += Ranking::positive(items[i]) ? 1 : 0;
    const bool block_ends = i + 1 == items.size() || !Ranking::same_score(items[i], items[i + 1]);
    if (block_ends && point.true_positives > visited) {
      visit(point);
      visited = point.true_positives;
    }
  }
}

double sum_over_thresholds(const Ranking& ranking) {
  double sum = 0;
  int64_t before = 0;
  visit_points(ranking, [&](const Point& point) {
    sum += static_cast<double>(point.true_positives - before) * point.precision();
    before = point.true_positives;
  });
  return sum / static_cast<double>(ranking.positives());
}

double mean_over_positives(const Ranking& ranking) {
  double sum = 0;
  Point point;
  for (const uint64_t item : ranking.items()) {
    ++point.predicted;
    if (!Ranking::positive(item)) continue;
    ++point.true_positives;
    sum += point.precision();
  }
  return sum / static_cast<double>(ranking.positives());
}

// envelope[k]: the highest precision at any recall from that of points[k] on.
std::vector<double> envelope_of(const std::vector<Point>& points) {
  std::vector<double> envelope(points.size());
  double highest = 0;
  for (size_t k = points.size(); k-- > 0;) {
    highest = std::max(highest, points[k].precision());
    envelope[k] = highest;
  }
  return envelope;
}

double area_under_envelope(const Ranking& ranking, const std::vector<Point>& points) {
  const std::vector<double> envelope = envelope_of(points);
  double sum = 0;
  int64_t before = 0;
  for (size_t k = 0; k < points.size(); ++k) {
    sum += static_cast<double>(points[k].true_positives - before) * envelope[k];
    before = points[k].true_positives;
  }
  return sum / static_cast<double>(ranking.positives());
}

double eleven_point_mean(const Ranking& ranking, const std::vector<Point>& points) {
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
  std::vector<Point> points;
  visit_points(ranking, [&](const Point& point) { points.push_back(point); });
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
