#include "evaluation/image_losses.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "support/error.h"

namespace catamaran {
namespace {

// -log(sigmoid(z)), without overflow.
double cost_of_present(double z) { return std::max(-z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

bool has_present(const ScoreTable& table, size_t row) {
  const size_t classes = table.classes.size();
  const auto first = table.labels.begin() + static_cast<std::ptrdiff_t>(row * classes);
  return std::any_of(first, first + static_cast<std::ptrdiff_t>(classes),
                     [](int8_t label) { return label > 0; });
}

}  // namespace

std::vector<std::optional<double>> image_losses(const ScoreTable& table) {
  const size_t classes = table.classes.size();
  std::vector<std::optional<double>> losses;
  for (size_t row = 0; row < static_cast<size_t>(table.images); ++row) {
    double sum = 0;
    int64_t valid = 0;
    for (size_t c = 0; c < classes; ++c) {
      const int8_t label = table.labels[row * classes + c];
      const double z = table.scores[row * classes + c];
      if (std::isnan(z))
        throw NumericsError("the score of class '" + table.classes[c] + "' is not a number",
                            "image " + std::to_string(table.indices[row]),
                            "the weights are broken: take an earlier checkpoint");
      if (label == 0) continue;
      sum += cost_of_present(label > 0 ? z : -z);
      ++valid;
    }
    losses.push_back(valid > 0 ? std::optional(sum / static_cast<double>(valid)) : std::nullopt);
  }
  return losses;
}

BestAndWorst best_and_worst(const ScoreTable& table, int64_t best, int64_t worst) {
  std::vector<RankedImage> ranked;
  const std::vector<std::optional<double>> losses = image_losses(table);
  for (size_t row = 0; row < losses.size(); ++row) {
    if (losses[row]) ranked.push_back({static_cast<int64_t>(row), *losses[row]});
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const RankedImage& a, const RankedImage& b) { return a.loss < b.loss; });
  BestAndWorst found;
  std::set<int64_t> taken;
  for (const RankedImage& image : ranked) {
    if (static_cast<int64_t>(found.best.size()) == best) break;
    if (!has_present(table, static_cast<size_t>(image.row))) continue;
    found.best.push_back(image);
    taken.insert(image.row);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const RankedImage& a, const RankedImage& b) { return a.loss > b.loss; });
  for (const RankedImage& image : ranked) {
    if (static_cast<int64_t>(found.worst.size()) == worst) break;
    if (!taken.contains(image.row)) found.worst.push_back(image);
  }
  return found;
}

}  // namespace catamaran
