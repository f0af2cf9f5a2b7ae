#include "dataio/resize.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "dataio/resize_kernels.h"
#include "support/assert.h"

namespace catamaran {
namespace {

constexpr int32_t kRowsAtOnce = 4;  // of the pass across

// The pass across where the table keeps its input: to RGB.
void copy_columns(int32_t width, int32_t bytes_per_pixel, bool mirrored, const RowBlock& rows) {
  for (int64_t y = 0; y < rows.count; ++y) {
    const uint8_t* from = rows.in + y * rows.in_row_bytes;
    uint8_t* to = rows.out + y * rows.out_row_bytes + (mirrored ? (width - 1) * 3 : 0);
    const int64_t step = mirrored ? -3 : 3;
    for (int32_t x = 0; x < width; ++x, from += bytes_per_pixel, to += step) {
      to[0] = from[0];
      to[1] = from[1];
      to[2] = from[2];
    }
  }
}

}  // namespace

PixelWindow Resizer::plan(ImageSize source, const Placement& placement, int64_t size) {
  const auto side = static_cast<int32_t>(size);
  const Region& region = placement.region;
  const ImageSize canvas =
      placement.canvas.width > 0 ? placement.canvas : ImageSize{.height = side, .width = side};
  CATAMARAN_ASSERT(side > 0, "a square has pixels");
  CATAMARAN_ASSERT(region.left >= 0 && region.left < region.right && region.right <= source.width &&
                       region.top >= 0 && region.top < region.bottom &&
                       region.bottom <= source.height,
                   "a region is a part of the image");
  CATAMARAN_ASSERT(placement.left >= 0 && placement.left + side <= canvas.width &&
                       placement.top >= 0 && placement.top + side <= canvas.height,
                   "a square is a part of the canvas");
  columns_.prepare({.input = source.width,
                    .from = static_cast<float>(region.left),
                    .to = static_cast<float>(region.right),
                    .canvas = canvas.width,
                    .skipped = placement.left,
                    .output = side});
  rows_.prepare({.input = source.height,
                 .from = static_cast<float>(region.top),
                 .to = static_cast<float>(region.bottom),
                 .canvas = canvas.height,
                 .skipped = placement.top,
                 .output = side});
  mirrored_ = placement.mirrored;
  // Where a pass keeps its input the order makes no difference.
  rows_first_ = !rows_.keeps && !columns_.keeps && canvas.height < source.height &&
                2 * (source.width - canvas.width) < source.height - canvas.height;
  return {.left = columns_.begin, .top = rows_.begin, .right = columns_.end, .bottom = rows_.end};
}

void Resizer::run(const PixelView& view, uint8_t* out) {
  CATAMARAN_ASSERT(view.window.left <= columns_.begin && view.window.right >= columns_.end &&
                       view.window.top <= rows_.begin && view.window.bottom >= rows_.end,
                   "the view holds what plan() asked for");
  const uint8_t* source = view.pixels + (rows_.begin - view.window.top) * view.row_bytes +
                          int64_t{columns_.begin - view.window.left} * view.bytes_per_pixel;
  if (!columns_.keeps) plan_columns(columns_, mirrored_, view.bytes_per_pixel, across_);
  if (rows_first_) {
    run_rows_first(source, view, out);
  } else {
    run_columns_first(source, view, out);
  }
}

void Resizer::run_columns_first(const uint8_t* source, const PixelView& view, uint8_t* out) {
  const int64_t row_bytes = int64_t{columns_.output()} * 3;
  const int64_t rows = rows_.end - rows_.begin;
  // A row of zero weight after the last is read, too.
  if (!rows_.keeps) reserve_between((rows + 1) * row_bytes);
  const RowBlock across = {.in = source,
                           .in_row_bytes = view.row_bytes,
                           .out = rows_.keeps ? out : between_.data(),
                           .out_row_bytes = row_bytes,
                           .count = rows};
  if (columns_.keeps) {
    copy_columns(columns_.output(), view.bytes_per_pixel, mirrored_, across);
  } else {
    resize_columns(across_, across);
  }
  if (rows_.keeps) return;
  for (int32_t y = 0; y < rows_.output(); ++y) {
    blend_output_row(y, between_.data(), row_bytes, row_bytes, out + y * row_bytes);
  }
}

void Resizer::run_rows_first(const uint8_t* source, const PixelView& view, uint8_t* out) {
  const int64_t row_bytes = int64_t{columns_.output()} * 3;
  const int64_t blended_bytes = int64_t{columns_.end - columns_.begin} * view.bytes_per_pixel;
  reserve_between(kRowsAtOnce * blended_bytes + kViewSlack);
  for (int32_t y = 0; y < rows_.output(); y += kRowsAtOnce) {
    const int32_t count = std::min(kRowsAtOnce, rows_.output() - y);
    for (int32_t i = 0; i < count; ++i) {
      blend_output_row(y + i, source, view.row_bytes, blended_bytes,
                       between_.data() + i * blended_bytes);
    }
    resize_columns(across_, {.in = between_.data(),
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
    return high[0] == 0 && high[kToLowPart] == 0;
  };
  while (taps > 2 && is_zero(taps - 1) && is_zero(taps - 2)) taps -= 2;
  const int64_t first = rows_.first[static_cast<size_t>(y)] - rows_.begin;
  blend_rows(in + first * row_bytes, row_bytes, weights, taps, bytes, out);
}

void Resizer::reserve_between(int64_t bytes) {
  if (std::ssize(between_) < bytes) between_.resize(static_cast<size_t>(bytes));
}

}  // namespace catamaran
