// FilterTable: the weights of one axis of a resize, as PIL's BILINEAR filter has them: a triangle,
// widened by the scale when the image shrinks, in 22-bit fixed point.
//
//   FilterTable rows;
//   rows.prepare({.input = height, .from = top, .to = bottom, .canvas = 448, .output = 448});
//
// Source: Pillow's filter of Image.resize(size, BILINEAR, box). One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

namespace catamaran {

// Where the high part of a tap's weight lies; the low part is kToLowPart further on.
constexpr int64_t weight_index(int64_t tap) { return tap / 2 * 4 + tap % 2; }
constexpr int64_t kToLowPart = 2;

// [from, to) of `input` pixels is brought to `canvas` pixels, of which `output` are wanted, the
// first of them `skipped`.
struct AxisResize {
  int32_t input = 0;
  float from = 0;  // single precision, as PIL's
  float to = 0;
  int32_t canvas = 0;
  int32_t skipped = 0;
  int32_t output = 0;

  bool operator==(const AxisResize&) const = default;
};

// Weights of one axis: output i is the sum of inputs [first[i], first[i] + taps) times their
// weights / 2^22. A weight is split in two numbers, high * 2^11 + low, which 16-bit multiplications
// take. Taps are even, so some weights at the ends are zero.
struct FilterTable {
  AxisResize axis;
  int32_t begin = 0;  // inputs [begin, end) have a weight
  int32_t end = 0;
  int32_t taps = 0;
  bool keeps = false;  // output i is input begin + i
  std::vector<int32_t> first;
  std::vector<int16_t> weights;  // per output and two taps: two high, two low

  // Does nothing when the table is for these numbers already.
  void prepare(const AxisResize& wanted);
  int32_t output() const { return axis.output; }
  const int16_t* weights_of(int32_t i) const { return weights.data() + int64_t{i} * taps * 2; }

 private:
  void split_weights(int32_t i, const int32_t* of_output);

  // Scratch, kept so that nothing is allocated per image.
  std::vector<int32_t> unsplit_;
  std::vector<int32_t> counts_;
};

}  // namespace catamaran
