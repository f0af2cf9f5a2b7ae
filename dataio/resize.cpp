#include "dataio/resize.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "dataio/resize_kernels.h"
#include "support/assert.h"

namespace catamaran {
namespace {

constexpr int kPrecisionBits = 22;
constexpr int kLowBits = 11;
constexpr int32_t kTapsStep = 4;    // what resize_columns reads at once
constexpr int32_t kRowsAtOnce = 4;  // and for how many rows

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
  weights.assign(static_cast<size_t>(output) * static_cast<size_t>(taps) * 2, 0);
  for (size_t i = 0; i < windows.size(); ++i) {
    // Zero weights must not reach beyond the last input, as far as that can be had.
    first[i] = std::max(std::min(windows[i].first, end - taps), begin);
    int16_t* const of_output = weights.data() + i * static_cast<size_t>(taps) * 2;
    int32_t tap = windows[i].first - first[i];
    for (int32_t weight : windows[i].weights) {
      int16_t* const high = of_output + tap / 4 * 8 + tap % 4;
      high[0] = static_cast<int16_t>(weight >> kLowBits);
      high[4] = static_cast<int16_t>(weight & ((1 << kLowBits) - 1));
      ++tap;
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
  rows_first_ = side < source.height && 2 * (source.width - size) < source.height - size;
  return {.left = columns_.begin, .top = rows_.begin, .right = columns_.end, .bottom = rows_.end};
}

void Resizer::run(const PixelView& view, bool mirrored, uint8_t* out) {
  CATAMARAN_ASSERT(view.window.left <= columns_.begin && view.window.right >= columns_.end &&
                       view.window.top <= rows_.begin && view.window.bottom >= rows_.end,
                   "the view holds what plan() asked for");
  const uint8_t* source = view.pixels + (rows_.begin - view.window.top) * view.row_bytes +
                          int64_t{columns_.begin - view.window.left} * 4;
  if (rows_first_) {
    run_rows_first(source, view.row_bytes, mirrored, out);
  } else {
    run_columns_first(source, view.row_bytes, mirrored, out);
  }
}

void Resizer::run_columns_first(const uint8_t* source, int64_t source_row_bytes, bool mirrored,
                                uint8_t* out) {
  const int64_t row_bytes = int64_t{columns_.output} * 3;
  const int64_t rows = rows_.end - rows_.begin;
  reserve_between((rows + 1) * row_bytes);  // a row of zero weight after the last is read, too
  resize_columns(columns_, mirrored,
                 {.in = source,
                  .in_row_bytes = source_row_bytes,
                  .out = between_.data(),
                  .out_row_bytes = row_bytes,
                  .count = rows});
  for (int32_t y = 0; y < rows_.output; ++y) {
    blend_output_row(y, between_.data(), row_bytes, row_bytes, out + y * row_bytes);
  }
}

void Resizer::run_rows_first(const uint8_t* source, int64_t source_row_bytes, bool mirrored,
                             uint8_t* out) {
  const int64_t row_bytes = int64_t{columns_.output} * 3;
  const int64_t blended_bytes = int64_t{columns_.end - columns_.begin} * 4;
  reserve_between(kRowsAtOnce * blended_bytes + kViewSlack);
  for (int32_t y = 0; y < rows_.output; y += kRowsAtOnce) {
    const int32_t count = std::min(kRowsAtOnce, rows_.output - y);
    for (int32_t i = 0; i < count; ++i) {
      blend_output_row(y + i, source, source_row_bytes, blended_bytes,
                       between_.data() + i * blended_bytes);
    }
    resize_columns(columns_, mirrored,
                   {.in = between_.data(),
                    .in_row_bytes = blended_bytes,
                    .out = out + y * row_bytes,
                    .out_row_bytes = row_bytes,
                    .count = count});
  }
}

void Resizer::blend_output_row(int32_t y, const uint8_t* in, int64_t row_bytes, int64_t bytes,
                               uint8_t* out) const {
  const int16_t* const weights = rows_.weights_of(y);
  int32_t taps = rows_.taps;
  const auto is_zero = [weights](int32_t tap) {
    const int16_t* const high = weights + tap / 4 * 8 + tap % 4;
    return high[0] == 0 && high[4] == 0;
  };
  while (taps > 2 && is_zero(taps - 1) && is_zero(taps - 2)) taps -= 2;
  const int64_t first = rows_.first[static_cast<size_t>(y)] - rows_.begin;
  blend_rows(in + first * row_bytes, row_bytes, weights, taps, bytes, out);
}

void Resizer::reserve_between(int64_t bytes) {
  if (std::ssize(between_) < bytes) between_.resize(static_cast<size_t>(bytes));
}

}  // namespace catamaran
