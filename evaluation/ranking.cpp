#include "evaluation/ranking.h"

#include <array>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr int kDigitBits = 11;
constexpr int kDigits = 3;  // 33 bits, enough for the 32 of a float
constexpr size_t kBins = size_t{1} << kDigitBits;

using Histograms = std::array<std::array<uint32_t, kBins>, kDigits>;

// Unsigned order of the result is the descending order of the floats.
uint32_t descending_key(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 becomes +0
  return (bits & 0x80000000u) != 0 ? bits : ~(bits | 0x80000000u);
}

size_t digit(uint32_t key, int place) { return (key >> (place * kDigitBits)) & (kBins - 1); }

}  // namespace

void Ranking::sort(std::span<const float> scores, std::span<const int8_t> labels, int64_t stride) {
  CATAMARAN_ASSERT(scores.size() == labels.size() && stride > 0,
                   "a class has one label per score and a stride");
  const auto step = static_cast<size_t>(stride);
  const size_t count = (scores.size() + step - 1) / step;
  CATAMARAN_ASSERT(count < (uint64_t{1} << 32), "bin counts are 32-bit");
  items_.clear();
  items_.reserve(count);
  positives_ = 0;
  Histograms histograms{};
  for (size_t at = 0; at < scores.size(); at += step) {
    const int8_t label = labels[at];
    if (label == 0) continue;
    const float score = scores[at];
    if (std::isnan(score)) {
      throw NumericsError("the score is not a number", "item " + std::to_string(at / step),
                          "look at the weights and the loss: the model has diverged");
    }
    const uint32_t key = descending_key(score);
    for (int place = 0; place < kDigits; ++place) ++histograms[place][digit(key, place)];
    items_.push_back(uint64_t{key} << 32 | (label > 0 ? 1u : 0u));
    positives_ += label > 0 ? 1 : 0;
  }
  if (items_.empty()) return;
  spare_.resize(items_.size());
  for (int place = 0; place < kDigits; ++place) {
    auto& bins = histograms[place];
    if (bins[digit(static_cast<uint32_t>(items_[0] >> 32), place)] == items_.size()) continue;
    uint32_t start = 0;
    for (uint32_t& bin : bins) start += std::exchange(bin, start);
    for (const uint64_t item : items_) {
      spare_[bins[digit(static_cast<uint32_t>(item >> 32), place)]++] = item;
    }
    items_.swap(spare_);
  }
}

}  // namespace catamaran
