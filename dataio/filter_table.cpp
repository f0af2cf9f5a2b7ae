#include "dataio/filter_table.h"

#include <algorithm>
#include <cmath>

namespace catamaran {
namespace {

constexpr int kPrecisionBits = 22;
constexpr int kLowBits = 11;
constexpr int32_t kTapsStep = 2;  // what the passes multiply at once

struct Span {
  int32_t first = 0;
  int32_t count = 0;
};

// The weights of one output in fixed point, without the zeros at both ends; at most
// 2 * ceil(widened) + 1 of them.
Span weigh_output(int32_t output, int32_t input, double from, double scale, int32_t* weights) {
  const double widened = std::max(scale, 1.0);  // also the triangle's half width, in inputs
  const double centre = from + (output + 0.5) * scale;
  const int32_t first = std::max(static_cast<int32_t>(std::floor(centre - widened + 0.5)), 0);
  const int32_t last = std::min(static_cast<int32_t>(std::floor(centre + widened + 0.5)), input);
  const auto triangle = [centre, widened](int32_t x) {
    return std::max(0.0, 1.0 - std::abs((x - centre + 0.5) * (1.0 / widened)));
  };
  double sum = 0;
  for (int32_t x = first; x < last; ++x) sum += triangle(x);

  Span span{.first = first, .count = 0};
  int32_t used = 0;  // up to the last weight that is not zero
  for (int32_t x = first; x < last; ++x) {
    const double share = sum != 0 ? triangle(x) / sum : 0;
    const auto weight = static_cast<int32_t>(std::floor(share * (1 << kPrecisionBits) + 0.5));
    if (weight == 0 && used == 0) {
      span = {.first = x + 1, .count = 0};
      continue;
    }
    weights[span.count++] = weight;
    if (weight != 0) used = span.count;
  }
  if (used == 0) return {.first = first, .count = 0};
  span.count = used;
  return span;
}

}  // namespace

void FilterTable::prepare(const AxisResize& wanted) {
  if (axis == wanted) return;
  axis = wanted;
  const auto [input, from, to, canvas, skipped, output] = axis;
  const double scale = static_cast<double>(to - from) / canvas;
  const auto stride = 2 * static_cast<int64_t>(std::ceil(std::max(scale, 1.0))) + 1;
  unsplit_.resize(static_cast<size_t>(output * stride));
  first.resize(static_cast<size_t>(output));
  counts_.resize(static_cast<size_t>(output));
  begin = input;
  end = 0;
  int32_t most = 1;
  for (int32_t i = 0; i < output; ++i) {
    const Span span = weigh_output(skipped + i, input, from, scale, unsplit_.data() + i * stride);
    first[static_cast<size_t>(i)] = span.first;
    counts_[static_cast<size_t>(i)] = span.count;
    most = std::max(most, span.count);
    begin = std::min(begin, span.first);
    end = std::max(end, span.first + span.count);
  }
  // Of width 1 and at whole pixels the triangle has no other weight than 2^22.
  keeps = to - from == static_cast<float>(canvas) && from == std::floor(from);
  taps = (most + kTapsStep - 1) / kTapsStep * kTapsStep;
  weights.assign(static_cast<size_t>(output) * static_cast<size_t>(taps) * 2, 0);
  for (int32_t i = 0; i < output; ++i) split_weights(i, unsplit_.data() + i * stride);
}

void FilterTable::split_weights(int32_t i, const int32_t* of_output) {
  int32_t& at = first[static_cast<size_t>(i)];
  // Zero weights must not reach beyond the last input, as far as that can be had.
  const int32_t moved = std::max(std::min(at, end - taps), begin);
  int32_t tap = at - moved;
  at = moved;
  for (int32_t k = 0; k < counts_[static_cast<size_t>(i)]; ++k, ++tap) {
    int16_t* const high = weights.data() + int64_t{i} * taps * 2 + weight_index(tap);
    high[0] = static_cast<int16_t>(of_output[k] >> kLowBits);
    high[kToLowPart] = static_cast<int16_t>(of_output[k] & ((1 << kLowBits) - 1));
  }
}

}  // namespace catamaran
