#include "dataio/label_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace catamaran {
namespace {

using nlohmann::json;

constexpr std::array kShares = {0.05, 0.25, 0.5, 0.75, 0.95};

Distribution distribution_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Distribution d;
  d.least = values.front();
  d.most = values.back();
  d.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  for (const double share : kShares) {
    const double at = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(at);
    const size_t above = std::min(below + 1, values.size() - 1);
    d.quantiles.push_back(std::lerp(values[below], values[above], at - std::floor(at)));
  }
  return d;
}

json to_json(const Distribution& d) {
  json quantiles = json::array();
  for (size_t i = 0; i < kShares.size(); ++i) quantiles.push_back({kShares[i], d.quantiles[i]});
  return {{"least", d.least}, {"mean", d.mean}, {"most", d.most}, {"quantiles", quantiles}};
}

void add_labels(std::span<const int8_t> labels, LabelStatistics& statistics) {
  count_labels(labels, statistics.present, statistics.ignored);
  std::vector<size_t> present;
  for (size_t c = 0; c < labels.size(); ++c) {
    if (labels[c] == 1) present.push_back(c);
  }
  if (statistics.labels_per_image.size() <= present.size())
    statistics.labels_per_image.resize(present.size() + 1);
  ++statistics.labels_per_image[present.size()];
  if (statistics.together.empty()) return;
  for (const size_t a : present) {
    for (const size_t b : present) ++statistics.together[a * labels.size() + b];
  }
}

}  // namespace

LabelStatistics label_statistics(const PackReader& pack) {
  LabelStatistics statistics;
  const auto classes = static_cast<size_t>(pack.classes());
  statistics.data_set = pack.manifest().data_set;
  statistics.split = pack.manifest().split;
  statistics.images = pack.images();
  statistics.classes = pack.manifest().classes;
  statistics.present.assign(classes, 0);
  statistics.ignored.assign(classes, 0);
  if (classes <= kMostClassesTogether) statistics.together.assign(classes * classes, 0);
  std::vector<double> width, height, aspect, megapixels;
  for (int64_t i = 0; i < pack.images(); ++i) {
    add_labels(pack.labels(i), statistics);
    statistics.image_bytes += pack.image_bytes(i);
    const double w = pack.size(i).width;
    const double h = pack.size(i).height;
    width.push_back(w);
    height.push_back(h);
    aspect.push_back(w / h);
    megapixels.push_back(w * h * 1e-6);
  }
  statistics.width = distribution_of(std::move(width));
  statistics.height = distribution_of(std::move(height));
  statistics.aspect = distribution_of(std::move(aspect));
  statistics.megapixels = distribution_of(std::move(megapixels));
  return statistics;
}

nlohmann::json statistics_json(const LabelStatistics& statistics) {
  json together = json::array();
  const size_t classes = statistics.classes.size();
  for (size_t row = 0; row < classes && !statistics.together.empty(); ++row) {
    const auto begin = statistics.together.begin() + static_cast<std::ptrdiff_t>(row * classes);
    together.push_back(std::vector<int64_t>(begin, begin + static_cast<std::ptrdiff_t>(classes)));
  }
  return {{"data_set", statistics.data_set},
          {"split", statistics.split},
          {"images", statistics.images},
          {"image_bytes", statistics.image_bytes},
          {"classes", statistics.classes},
          {"present", statistics.present},
          {"ignored", statistics.ignored},
          {"labels_per_image", statistics.labels_per_image},
          {"together", together},
          {"width", to_json(statistics.width)},
          {"height", to_json(statistics.height)},
          {"aspect", to_json(statistics.aspect)},
          {"megapixels", to_json(statistics.megapixels)}};
}

}  // namespace catamaran
