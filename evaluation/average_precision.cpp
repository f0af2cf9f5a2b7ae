#include "evaluation/average_precision.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "support/assert.h"

namespace catamaran {
namespace {

// One ranked item, ready for an integer sort: score descending in the high bits, index ascending in
// the low ones.
struct Ranked {
  uint64_t key;
  bool positive;
};

// Orders floats like unsigned numbers: negative ones flipped whole, others by the sign bit alone.
uint32_t ordered_bits(float score) {
  const auto bits = std::bit_cast<uint32_t>(score == 0.0f ? 0.0f : score);  // -0 ties with +0
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

std::vector<Ranked> rank_items(std::span<const float> scores, std::span<const int8_t> labels,
                               int64_t stride) {
  std::vector<Ranked> items;
  const auto step = static_cast<size_t>(stride);
  items.reserve(scores.size() / step + 1);
  for (size_t i = 0, at = 0; at < scores.size(); ++i, at += step) {
    if (labels[at] == 0) continue;
    items.push_back(
        {(uint64_t{~ordered_bits(scores[at])} << 32) | static_cast<uint32_t>(i), labels[at] > 0});
  }
  std::sort(items.begin(), items.end(),
            [](const Ranked& a, const Ranked& b) { return a.key < b.key; });
  return items;
}

bool tied(const Ranked& a, const Ranked& b) { return (a.key >> 32) == (b.key >> 32); }

double sklearn_ap(const std::vector<Ranked>& items, double positives) {
  double sum = 0;
  int64_t hits = 0;
  int64_t hits_before_block = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    hits += items[i].positive ? 1 : 0;
    if (i + 1 < items.size() && tied(items[i], items[i + 1])) continue;
    sum += static_cast<double>(hits - hits_before_block) * static_cast<double>(hits) /
           static_cast<double>(i + 1);
    hits_before_block = hits;
  }
  return sum / positives;
}

// Precision at each positive's rank, in rank order.
std::vector<double> precisions_at_positives(const std::vector<Ranked>& items) {
  std::vector<double> precisions;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].positive)
      precisions.push_back(static_cast<double>(precisions.size() + 1) / static_cast<double>(i + 1));
  }
  return precisions;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double eleven_point_ap(const std::vector<double>& envelope) {
  double sum = 0;
  const auto positives = static_cast<double>(envelope.size());
  for (int tenth = 0; tenth <= 10; ++tenth) {
    // The first positive whose recall (k + 1) / positives reaches t; the envelope there is the
    // maximum to its right.
    const double needed = std::ceil(positives * tenth / 10.0 - 1e-9);
    const auto k = static_cast<size_t>(std::max(0.0, needed - 1));
    sum += envelope[k];
  }
  return sum / 11;
}

}  // namespace

std::optional<double> average_precision(std::span<const float> scores,
                                        std::span<const int8_t> labels, int64_t stride,
                                        ApDefinition definition) {
  CATAMARAN_ASSERT(scores.size() == labels.size() && stride > 0,
                   "the caller passes one column of one table");
  const std::vector<Ranked> items = rank_items(scores, labels, stride);
  const auto positives =
      std::count_if(items.begin(), items.end(), [](const Ranked& item) { return item.positive; });
  if (positives == 0) return std::nullopt;
  if (definition == ApDefinition::kSklearn)
    return sklearn_ap(items, static_cast<double>(positives));
  std::vector<double> precisions = precisions_at_positives(items);
  if (definition == ApDefinition::kMlGcn) return mean(precisions);
  for (size_t k = precisions.size() - 1; k-- > 0;)
    precisions[k] = std::max(precisions[k], precisions[k + 1]);
  return definition == ApDefinition::kEnvelope ? mean(precisions) : eleven_point_ap(precisions);
}

}  // namespace catamaran
