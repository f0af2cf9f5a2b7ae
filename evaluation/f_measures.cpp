#include "evaluation/f_measures.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "support/assert.h"

namespace catamaran {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }
double harmonic(double p, double r) { return p + r > 0 ? 2 * p * r / (p + r) : 0; }

struct Counts {
  double hits = 0;
  double predicted = 0;
  double positives = 0;
};

// Probability t as a logit: sigmoid(z) >= t is z >= log(t / (1 - t)).
double logit(double probability) { return std::log(probability) - std::log1p(-probability); }

// Marks the `top` highest scores of a row.
void mark_top(const float* scores, std::vector<size_t>& order, std::vector<char>& among,
              int64_t top) {
  std::iota(order.begin(), order.end(), size_t{0});
  const auto end =
      order.begin() + std::min<std::ptrdiff_t>(top, static_cast<std::ptrdiff_t>(order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  std::fill(among.begin(), among.end(), 0);
  for (auto it = order.begin(); it != end; ++it) among[*it] = 1;
}

FMeasures from_counts(const std::vector<Counts>& by_class) {
  Counts all;
  FMeasures f;
  for (const Counts& c : by_class) {
    all.hits += c.hits;
    all.predicted += c.predicted;
    all.positives += c.positives;
    f.cp += ratio(c.hits, c.predicted) / static_cast<double>(by_class.size());
    f.cr += ratio(c.hits, c.positives) / static_cast<double>(by_class.size());
  }
  f.op = ratio(all.hits, all.predicted);
  f.orr = ratio(all.hits, all.positives);
  f.of1 = harmonic(f.op, f.orr);
  f.cf1 = harmonic(f.cp, f.cr);
  return f;
}

}  // namespace

FMeasures f_measures(const ScoreTable& table, double threshold, int64_t top,
                     IgnoredLabels ignored) {
  return f_measures(table, std::vector<double>(table.classes.size(), threshold), top, ignored);
}

FMeasures f_measures(const ScoreTable& table, std::span<const double> thresholds, int64_t top,
                     IgnoredLabels ignored) {
  const size_t classes = table.classes.size();
  CATAMARAN_ASSERT(thresholds.size() == classes, "every class has a threshold");
  std::vector<double> least;
  for (const double threshold : thresholds) least.push_back(logit(threshold));
  std::vector<Counts> by_class(classes);
  std::vector<size_t> order(classes);
  std::vector<char> among(classes, 1);
  for (int64_t i = 0; i < table.images; ++i) {
    const float* scores = table.scores.data() + static_cast<size_t>(i) * classes;
    const int8_t* labels = table.labels.data() + static_cast<size_t>(i) * classes;
    if (top > 0) mark_top(scores, order, among, top);
    for (size_t c = 0; c < classes; ++c) {
      if (labels[c] == 0 && ignored == IgnoredLabels::kIgnore) continue;
      const bool predicted = among[c] != 0 && scores[c] >= least[c];
      by_class[c].predicted += predicted ? 1 : 0;
      by_class[c].positives += labels[c] > 0 ? 1 : 0;
      by_class[c].hits += predicted && labels[c] > 0 ? 1 : 0;
    }
  }
  return from_counts(by_class);
}

}  // namespace catamaran
