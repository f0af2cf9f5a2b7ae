#include "evaluation/threshold_fit.h"

#include <algorithm>
#include <cmath>

#include "evaluation/sigmoid.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

struct Item {
  double probability = 0;
  bool positive = false;
};

double f_beta(double hits, double taken, double positives, double beta) {
  const double weighted = (1 + beta * beta) * hits;
  const double whole = beta * beta * positives + taken;  // (1 + b^2) TP + b^2 FN + FP
  return whole > 0 ? weighted / whole : 0;
}

std::vector<Item> items_of(const ScoreTable& table, size_t c) {
  const size_t classes = table.classes.size();
  std::vector<Item> items;
  for (size_t at = c; at < table.scores.size(); at += classes) {
    if (table.labels[at] == 0) continue;
    if (!std::isfinite(table.scores[at])) {
      throw NumericsError("a score of class '" + table.classes[c] + "' is not a finite number", "",
                          "the weights are broken: take an earlier checkpoint");
    }
    items.push_back({sigmoid(static_cast<double>(table.scores[at])), table.labels[at] > 0});
  }
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.probability > b.probability; });
  return items;
}

// Between the lowest taken and the highest left out; taken >= it > left out, also where the two are
// neighbouring numbers.
double between(double taken, double left_out) {
  const double middle = left_out + (taken - left_out) / 2;
  return middle > left_out ? middle : taken;
}

FittedThreshold fit(const std::vector<Item>& items, const ThresholdObjective& objective) {
  FittedThreshold best;
  double at_default = 0;
  double hits_at_default = 0;
  for (const Item& item : items) {
    best.positives += item.positive ? 1 : 0;
    at_default += item.probability >= kDefaultThreshold ? 1 : 0;
    hits_at_default += item.positive && item.probability >= kDefaultThreshold ? 1 : 0;
  }
  const auto positives = static_cast<double>(best.positives);
  best.f_at_default = best.f = f_beta(hits_at_default, at_default, positives, objective.beta);
  if (best.positives < std::max<int64_t>(1, objective.least_positives)) return best;
  best.fitted = true;
  best.f = -1;
  double hits = 0;
  for (size_t taken = 1; taken <= items.size(); ++taken) {
    hits += items[taken - 1].positive ? 1 : 0;
    const double lowest = items[taken - 1].probability;
    const double next = taken < items.size() ? items[taken].probability : 0;
    if (taken < items.size() && next == lowest) continue;  // in the middle of a tie
    const double f = f_beta(hits, static_cast<double>(taken), positives, objective.beta);
    const double threshold = between(lowest, next);
    const bool nearer =
        std::abs(threshold - kDefaultThreshold) < std::abs(best.threshold - kDefaultThreshold);
    if (f > best.f || (f == best.f && nearer)) {
      best.f = f;
      best.threshold = threshold;
    }
  }
  return best;
}

}  // namespace

std::vector<FittedThreshold> fit_thresholds(const ScoreTable& table,
                                            const ThresholdObjective& objective) {
  CATAMARAN_ASSERT(objective.beta > 0, "the command line checked the objective");
  std::vector<FittedThreshold> fitted;
  for (size_t c = 0; c < table.classes.size(); ++c)
    fitted.push_back(fit(items_of(table, c), objective));
  return fitted;
}

}  // namespace catamaran
