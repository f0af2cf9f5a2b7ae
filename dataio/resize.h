// Resizer: a region of an image, fractions of pixels allowed, to a square of another size: PIL's
// Image.resize(canvas, Image.BILINEAR, box=region) bit for bit, and of that the square, mirrored on
// demand.
//
//   Resizer resizer;
//   PixelWindow window = resizer.plan(size, placement, 448);    // the pixels that are needed
//   resizer.run(decoder.decode(window), out);                   // out: 448 x 448 x 3 bytes
//
// The filter is a triangle, widened by the scale when the image shrinks (so nothing is skipped
// over), with weights in 22-bit fixed point. Across, rounded to bytes, then down; or the other way
// round when down removes more than twice as many pixels of the image's side as across does, as
// Pillow 13 chooses (older ones never do; the difference is one step of a byte at most). A pass
// that would give back its input is a copy or left out. The region is taken in single precision, as
// Pillow does. Weights are computed anew only when sizes or region change. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "dataio/augment.h"
#include "dataio/filter_table.h"
#include "dataio/jpeg_decoder.h"
#include "dataio/resize_kernels.h"

namespace catamaran {

class Resizer {
 public:
  PixelWindow plan(ImageSize source, const Placement& placement, int64_t size);
  // view: of the window that plan() returned, or a larger one.
  void run(const PixelView& view, uint8_t* out);

 private:
  // source: pixel (columns_.begin, rows_.begin).
  void run_columns_first(const uint8_t* source, const PixelView& view, uint8_t* out);
  void run_rows_first(const uint8_t* source, const PixelView& view, uint8_t* out);
  // Output row y of the pass that goes down; in: row rows_.begin.
  void blend_output_row(int32_t y, const uint8_t* in, int64_t row_bytes, int64_t bytes,
                        uint8_t* out) const;
  void reserve_between(int64_t bytes);

  FilterTable columns_;
  FilterTable rows_;
  ColumnPlan across_;
  bool rows_first_ = false;
  bool mirrored_ = false;
  std::vector<uint8_t> between_;  // what one pass leaves to the other
};

}  // namespace catamaran
