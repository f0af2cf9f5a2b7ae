// Resizer: a region of an image, fractions of pixels allowed, to a square of another size: PIL's
// Image.resize((S, S), Image.BILINEAR, box=region) bit for bit.
//
//   Resizer resizer;
//   PixelWindow window = resizer.plan(size, region, 448);       // the pixels that are needed
//   resizer.run(decoder.decode(window), mirrored, out);         // out: 448 x 448 x 3 bytes
//
// The filter is a triangle, widened by the scale when the image shrinks (so nothing is skipped
// over), with weights in 22-bit fixed point; columns first, rounded to bytes, then rows. Weights
// are computed anew only when size, region or S change. Facts: Pillow, src/libImaging/Resample.c;
// it takes the region as single precision numbers. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "dataio/augment.h"
#include "dataio/jpeg_decoder.h"

namespace catamaran {

// Weights of one axis: output i is the sum of inputs [first[i], first[i] + taps) times
// 2^-22 (weights[i * taps ...]), the weight split in two 16-bit numbers, high * 2^11 + low. Taps
// are a multiple of four, so some weights at the end of a row are zero.
struct FilterTable {
  int32_t input = 0;
  int32_t output = 0;
  float from = 0;
  float to = 0;

  int32_t begin = 0;  // inputs [begin, end) have a weight
  int32_t end = 0;
  int32_t taps = 0;
  std::vector<int32_t> first;
  std::vector<int16_t> high;
  std::vector<int16_t> low;

  // Does nothing when the table is for these numbers already.
  void prepare(int32_t new_input, float new_from, float new_to, int32_t new_output);
};

class Resizer {
 public:
  PixelWindow plan(ImageSize source, const Region& region, int64_t size);
  // view: of the window that plan() returned, or a larger one.
  void run(const PixelView& view, bool mirrored, uint8_t* out);

 private:
  FilterTable columns_;
  FilterTable rows_;
  std::vector<uint8_t> between_;  // rows of the source, columns of the output, RGB
};

}  // namespace catamaran
