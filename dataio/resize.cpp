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

// The pass across where the table keeps its input: RGBX to RGB.
void copy_columns(int32_t width, bool mirrored, const RowBlock& rows) {
  for (int64_t y = 0; y < rows.count; ++y) {
    const uint8_t* from = rows.in + y * rows.in_row_bytes;
    uint8_t* to = rows.out + y * rows.out_row_bytes + (mirrored ? (width - 1) * 3 : 0);
    const int64_t step = mirrored ? -3 : 3;
    for (int32_t x = 0; x < width; ++x, from += 4, to += step) {
      to[0] = from[0];
      to[1] = from[1];
      to[2] = from[2];
    }
  }
}

}  // namespace

void FilterTable::prepare(int32_t new_input, float new_from, float new_to, int32_t new_output) {
  if (input == new_input && from == new_from && to == new_to && output == new_output) return;
  input = new_input;
  from = new_from;
  to = new_to;
  output = new_output;

  const double scale = static_cast<double>(to - from) / output;  // single precision, as PIL's
  const auto stride = 2 * static_cast<int64_t>(std::ceil(std::max(scale, 1.0))) + 1;
  unsplit_.resize(static_cast<size_t>(output * stride));
  first.resize(static_cast<size_t>(output));
  counts_.resize(static_cast<size_t>(output));
  begin = input;
  end = 0;
  int32_t most = 1;
  for (int32_t i = 0; i < output; ++i) {
    const Span span = weigh_output(i, input, from, scale, unsplit_.data() + i * stride);
    first[static_cast<size_t>(i)] = span.first;
    counts_[static_cast<size_t>(i)] = span.count;
    most = std::max(most, span.count);
    begin = std::min(begin, span.first);
    end = std::max(end, span.first + span.count);
  }
  // Of width 1 and at whole pixels the triangle has no other weight than 2^22.
  keeps = to - from == static_cast<float>(output) && from == std::floor(from);
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
    high[4] = static_cast<int16_t>(of_output[k] & ((1 << kLowBits) - 1));
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
  // Where a pass keeps its input the order makes no difference.
  rows_first_ = !rows_.keeps && !columns_.keeps && side < source.height &&
                2 * (source.width - size) < source.height - size;
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
  // A row of zero weight after the last is read, too.
  if (!rows_.keeps) reserve_between((rows + 1) * row_bytes);
  const RowBlock across = {.in = source,
                           .in_row_bytes = source_row_bytes,
                           .out = rows_.keeps ? out : between_.data(),
                           .out_row_bytes = row_bytes,
                           .count = rows};
  if (columns_.keeps) {
    copy_columns(columns_.output, mirrored, across);
  } else {
    resize_columns(columns_, mirrored, across);
  }
  if (rows_.keeps) return;
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
    const int16_t* const high = weights + weight_index(tap);
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
