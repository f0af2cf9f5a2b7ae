// Resizer: a region of an image, fractions of pixels allowed, to a square of another size: PIL's
// Image.resize((S, S), Image.BILINEAR, box=region) bit for bit.
//
//   Resizer resizer;
//   PixelWindow window = resizer.plan(size, region, 448);       // the pixels that are needed
//   resizer.run(decoder.decode(window), mirrored, out);         // out: 448 x 448 x 3 bytes
//
// The filter is a triangle, widened by the scale when the image shrinks (so nothing is skipped
// over), with weights in 22-bit fixed point. Across, rounded to bytes, then down; or the other way
// round when down removes more than twice as many pixels of the image's side as across does, as
// Pillow 13 chooses (older ones never do; the difference is one step of a byte at most). A pass
// that would give back its input is a copy or left out. The region is taken in single precision, as
// Pillow does. Weights are computed anew only when size, region or S change. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "dataio/augment.h"
#include "dataio/jpeg_decoder.h"

namespace catamaran {

// Where the high part of a tap's weight lies; the low part is four further on.
constexpr int64_t weight_index(int64_t tap) { return tap / 4 * 8 + tap % 4; }

// Weights of one axis: output i is the sum of inputs [first[i], first[i] + taps) times their
// weights / 2^22. A weight is split in two numbers, high * 2^11 + low, which 16-bit multiplications
// take. Taps are a multiple of four, so some weights at the ends are zero.
struct FilterTable {
  int32_t input = 0;
  int32_t output = 0;
  float from = 0;
  float to = 0;

  int32_t begin = 0;  // inputs [begin, end) have a weight
  int32_t end = 0;
  int32_t taps = 0;
  bool keeps = false;  // output i is input begin + i
  std::vector<int32_t> first;
  std::vector<int16_t> weights;  // per output and four taps: four high, four low

  // Does nothing when the table is for these numbers already.
  void prepare(int32_t new_input, float new_from, float new_to, int32_t new_output);
  const int16_t* weights_of(int32_t i) const { return weights.data() + int64_t{i} * taps * 2; }

 private:
  void split_weights(int32_t i, const int32_t* of_output);

  // Scratch, kept so that nothing is allocated per image.
  std::vector<int32_t> unsplit_;
  std::vector<int32_t> counts_;
};

class Resizer {
 public:
  PixelWindow plan(ImageSize source, const Region& region, int64_t size);
  // view: of the window that plan() returned, or a larger one.
  void run(const PixelView& view, bool mirrored, uint8_t* out);

 private:
  // source: pixel (columns_.begin, rows_.begin).
  void run_columns_first(const uint8_t* source, int64_t source_row_bytes, bool mirrored,
                         uint8_t* out);
  void run_rows_first(const uint8_t* source, int64_t source_row_bytes, bool mirrored, uint8_t* out);
  // Output row y of the pass that goes down; in: row rows_.begin.
  void blend_output_row(int32_t y, const uint8_t* in, int64_t row_bytes, int64_t bytes,
                        uint8_t* out) const;
  void reserve_between(int64_t bytes);

  FilterTable columns_;
  FilterTable rows_;
  bool rows_first_ = false;
  std::vector<uint8_t> between_;  // what one pass leaves to the other
};

}  // namespace catamaran
