#include "dataio/resize.h"

#include <algorithm>
#include <cmath>

#include "dataio/resize_kernels.h"
#include "support/assert.h"

namespace catamaran {
namespace {

constexpr int kPrecisionBits = 22;
constexpr int kLowBits = 11;
constexpr int32_t kTapsStep = 4;  // what resize_columns reads at once

// The weights of one output in fixed point, zeros at both ends dropped.
struct Window {
  int32_t first = 0;
  std::vector<int32_t> weights;
};

Window window_of(int32_t output, int32_t input, double from, double scale) {
  const double widened = std::max(scale, 1.0);  // also the triangle's half width, in inputs
  const double centre = from + (output + 0.5) * scale;
  const int32_t first = std::max(static_cast<int32_t>(centre - widened + 0.5), 0);
  const int32_t last = std::min(static_cast<int32_t>(centre + widened + 0.5), input);

  std::vector<double> weights;
  double sum = 0;
  for (int32_t x = first; x < last; ++x) {
    weights.push_back(std::max(0.0, 1.0 - std::abs((x - centre + 0.5) * (1.0 / widened))));
    sum += weights.back();
  }
  Window window{.first = first, .weights = {}};
  for (double weight : weights) {
    const double share = sum != 0 ? weight / sum : weight;
    window.weights.push_back(static_cast<int32_t>(0.5 + share * (1 << kPrecisionBits)));
  }
  while (window.weights.size() > 1 && window.weights.back() == 0) window.weights.pop_back();
  const auto lead = std::find_if(window.weights.begin(), window.weights.end() - 1,
                                 [](int32_t w) { return w != 0; });
  window.first += static_cast<int32_t>(lead - window.weights.begin());
  window.weights.erase(window.weights.begin(), lead);
  return window;
}

}  // namespace

void FilterTable::prepare(int32_t new_input, float new_from, float new_to, int32_t new_output) {
  if (input == new_input && from == new_from && to == new_to && output == new_output) return;
  input = new_input;
  from = new_from;
  to = new_to;
  output = new_output;

  const double scale = static_cast<double>(to - from) / output;  // single precision, as PIL's
  std::vector<Window> windows;
  size_t most = 0;
  begin = input;
  end = 0;
  for (int32_t i = 0; i < output; ++i) {
    windows.push_back(window_of(i, input, from, scale));
    const Window& window = windows.back();
    most = std::max(most, window.weights.size());
    begin = std::min(begin, window.first);
    end = std::max(end, window.first + static_cast<int32_t>(window.weights.size()));
  }
  taps = (static_cast<int32_t>(most) + kTapsStep - 1) / kTapsStep * kTapsStep;
  first.assign(static_cast<size_t>(output), 0);
  high.assign(static_cast<size_t>(output) * static_cast<size_t>(taps), 0);
  low.assign(high.size(), 0);
  for (size_t i = 0; i < windows.size(); ++i) {
    // Zero weights must not reach beyond the last input, as far as that can be had.
    first[i] = std::max(std::min(windows[i].first, end - taps), begin);
    size_t at = i * static_cast<size_t>(taps) + static_cast<size_t>(windows[i].first - first[i]);
    for (int32_t weight : windows[i].weights) {
      high[at] = static_cast<int16_t>(weight >> kLowBits);
      low[at++] = static_cast<int16_t>(weight & ((1 << kLowBits) - 1));
    }
  }
}

PixelWindow Resizer::plan(ImageSize source, const Region& region, int64_t size) {
  const auto side = static_cast<int32_t>(size);
  CATAMARAN_ASSERT(side > 0, "a square has pixels");
  CATAMARAN_ASSERT(region.left >= 0 && region.left < region.right && region.right <= source.width &&
                       region.top >= 0 && region.top < region.bottom &&
                       region.bottom <= source.height,
                   "a region is a part of the image");
  columns_.prepare(source.width, static_cast<float>(region.left), static_cast<float>(region.right),
                   side);
  rows_.prepare(source.height, static_cast<float>(region.top), static_cast<float>(region.bottom),
                side);
  return {.left = columns_.begin, .top = rows_.begin, .right = columns_.end, .bottom = rows_.end};
}

void Resizer::run(const PixelView& view, bool mirrored, uint8_t* out) {
  CATAMARAN_ASSERT(view.window.left <= columns_.begin && view.window.right >= columns_.end &&
                       view.window.top <= rows_.begin && view.window.bottom >= rows_.end,
                   "the view holds what plan() asked for");
  const int64_t bytes = int64_t{columns_.output} * 3;
  const int64_t row_bytes = bytes + kRowSlack;
  // Rows of zero weight after the last are read, too.
  const auto needed = static_cast<size_t>((rows_.end - rows_.begin + kTapsStep) * row_bytes);
  if (between_.size() < needed) between_.resize(needed);
  const uint8_t* source = view.pixels + (rows_.begin - view.window.top) * view.row_bytes +
                          int64_t{columns_.begin - view.window.left} * 4;
  for (int64_t row = 0; row < rows_.end - rows_.begin; ++row) {
    resize_columns(columns_, mirrored, source + row * view.row_bytes,
                   between_.data() + row * row_bytes);
  }
  for (int64_t y = 0; y < rows_.output; ++y) {
    const int16_t* high = rows_.high.data() + y * rows_.taps;
    const int16_t* low = rows_.low.data() + y * rows_.taps;
    int32_t taps = rows_.taps;
    while (taps > 2 && (high[taps - 1] | low[taps - 1] | high[taps - 2] | low[taps - 2]) == 0) {
      taps -= 2;
    }
    const int64_t first = rows_.first[static_cast<size_t>(y)] - rows_.begin;
    blend_rows(between_.data() + first * row_bytes, row_bytes, high, low, taps, bytes,
               out + y * bytes);
  }
}

}  // namespace catamaran
