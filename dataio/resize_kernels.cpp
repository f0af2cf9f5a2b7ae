// Compiled once per instruction set: foreach_target.h includes this file again for each.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dataio/resize_kernels.cpp"
#include <hwy/foreach_target.h>
// It must come before highway.h.
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "dataio/resize_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace catamaran {
namespace HWY_NAMESPACE {

constexpr int kLowBits = 11;        // of a weight, in its low part
constexpr int kPrecisionBits = 22;  // of a weight

// One output of either pass: inputs are `step` bytes apart.
HWY_INLINE uint8_t weigh(const uint8_t* in, int64_t step, const int16_t* weights, int32_t taps) {
  int32_t sum = 1 << (kPrecisionBits - 1);
  for (int32_t tap = 0; tap < taps; ++tap) {
    const int16_t* high = weights + weight_index(tap);
    sum += ((int32_t{high[0]} << kLowBits) + high[4]) * in[tap * step];
  }
  return static_cast<uint8_t>(HWY_MIN(sum >> kPrecisionBits, 255));
}

#if HWY_TARGET == HWY_SCALAR

void resize_columns(const FilterTable& table, bool mirrored, const RowBlock& rows) {
  for (int32_t x = 0; x < table.output; ++x) {
    const int32_t i = mirrored ? table.output - 1 - x : x;
    for (int64_t row = 0; row < rows.count; ++row) {
      const uint8_t* pixel =
          rows.in + row * rows.in_row_bytes + int64_t{table.first[i] - table.begin} * 4;
      for (int32_t c = 0; c < 3; ++c) {
        rows.out[row * rows.out_row_bytes + x * 3 + c] =
            weigh(pixel + c, 4, table.weights_of(i), table.taps);
      }
    }
  }
}

void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* weights, int32_t taps,
                int64_t bytes, uint8_t* out) {
  for (int64_t i = 0; i < bytes; ++i) out[i] = weigh(in + i, row_bytes, weights, taps);
}

#else  // vectors

namespace hn = hwy::HWY_NAMESPACE;

// (sum of high << 11) + sum of low, rounded to whole bytes.
template <class D32, class V32 = hn::Vec<D32> >
HWY_INLINE V32 to_byte_range(D32 d32, V32 high, V32 low) {
  const V32 sum = hn::Add(hn::ShiftLeft<kLowBits>(high), low);
  return hn::ShiftRight<kPrecisionBits>(hn::Add(sum, hn::Set(d32, 1 << (kPrecisionBits - 1))));
}

// Products of 16-bit lanes, added in pairs (lane 2i with lane 2i + 1), plus the sum so far.
template <class D32, class V32, class V16>
HWY_INLINE V32 add_pairs(D32 d32, V32 sum, V16 a, V16 b) {
  V32 other = hn::Zero(d32);
  sum = hn::ReorderWidenMulAccumulate(d32, a, b, sum, other);
  return hn::RearrangeToOddPlusEven(sum, other);
}

// One output pixel of kRows rows, which share its weights; four taps a time: the bytes r0 g0 b0 x0
// r1 ... x3 become the pairs r0 r1, g0 g1, ... and r2 r3, ...
template <int kRows>
HWY_INLINE void weigh_pixel(const int16_t* HWY_RESTRICT weights, int32_t taps,
                            const uint8_t* HWY_RESTRICT in, int64_t in_row_bytes, uint8_t* out,
                            int64_t out_row_bytes, bool is_last) {
  const hn::FixedTag<uint8_t, 16> d8;
  const hn::FixedTag<int16_t, 8> d16;
  const hn::FixedTag<int32_t, 4> d32;
  const hn::FixedTag<uint8_t, 4> d_pixel;
  const hn::Half<decltype(d8)> d8_half;
  alignas(16) static constexpr uint8_t kPairs[16] = {0, 4,  1, 5,  2,  6,  3,  7,
                                                     8, 12, 9, 13, 10, 14, 11, 15};
  const auto pairs = hn::Load(d8, kPairs);
  hn::Vec<decltype(d32)> high[kRows];
  hn::Vec<decltype(d32)> low[kRows];
  for (int r = 0; r < kRows; ++r) high[r] = low[r] = hn::Zero(d32);
  for (int32_t tap = 0; tap < taps; tap += 4) {
    const auto four = hn::BitCast(d32, hn::LoadU(d16, weights + int64_t{tap} * 2));
    const auto high01 = hn::BitCast(d16, hn::Broadcast<0>(four));
    const auto high23 = hn::BitCast(d16, hn::Broadcast<1>(four));
    const auto low01 = hn::BitCast(d16, hn::Broadcast<2>(four));
    const auto low23 = hn::BitCast(d16, hn::Broadcast<3>(four));
    for (int r = 0; r < kRows; ++r) {
      const auto bytes =
          hn::TableLookupBytes(hn::LoadU(d8, in + r * in_row_bytes + int64_t{tap} * 4), pairs);
      const auto p01 = hn::PromoteTo(d16, hn::LowerHalf(d8_half, bytes));
      const auto p23 = hn::PromoteTo(d16, hn::UpperHalf(d8_half, bytes));
      high[r] = add_pairs(d32, add_pairs(d32, high[r], p01, high01), p23, high23);
      low[r] = add_pairs(d32, add_pairs(d32, low[r], p01, low01), p23, low23);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const auto pixel = hn::DemoteTo(d_pixel, to_byte_range(d32, high[r], low[r]));
    uint8_t* const to = out + r * out_row_bytes;
    if (!is_last) {
      hn::StoreU(pixel, d_pixel, to);  // the next pixel overwrites the fourth byte
    } else {
      uint8_t rgbx[4];
      hn::StoreU(pixel, d_pixel, rgbx);
      std::copy_n(rgbx, 3, to);
    }
  }
}

template <int kRows>
HWY_INLINE void resize_columns_of(const FilterTable& table, bool mirrored, const uint8_t* in,
                                  int64_t in_row_bytes, uint8_t* out, int64_t out_row_bytes) {
  const int32_t* const first = table.first.data();
  const int32_t output = table.output;
  const int32_t begin = table.begin;
  const int32_t taps = table.taps;
  const int16_t* const weights = table.weights.data();
  for (int32_t x = 0; x < output; ++x) {
    const int32_t i = mirrored ? output - 1 - x : x;
    weigh_pixel<kRows>(weights + int64_t{i} * taps * 2, taps, in + int64_t{first[i] - begin} * 4,
                       in_row_bytes, out + int64_t{x} * 3, out_row_bytes, x + 1 == output);
  }
}

void resize_columns(const FilterTable& table, bool mirrored, const RowBlock& rows) {
  int64_t row = 0;
  for (; row + 4 <= rows.count; row += 4) {
    resize_columns_of<4>(table, mirrored, rows.in + row * rows.in_row_bytes, rows.in_row_bytes,
                         rows.out + row * rows.out_row_bytes, rows.out_row_bytes);
  }
  for (; row < rows.count; ++row) {
    resize_columns_of<1>(table, mirrored, rows.in + row * rows.in_row_bytes, rows.in_row_bytes,
                         rows.out + row * rows.out_row_bytes, rows.out_row_bytes);
  }
}

// The weights of taps `tap` and `tap + 1`, over and over.
template <class D16>
HWY_INLINE hn::Vec<D16> two_weights(D16 d16, const int16_t* at) {
  const hn::Repartition<int32_t, D16> d32;
  int32_t two;
  std::memcpy(&two, at, sizeof two);
  return hn::BitCast(d16, hn::Set(d32, two));
}

void blend_rows(const uint8_t* HWY_RESTRICT in, int64_t row_bytes, const int16_t* weights,
                int32_t taps, int64_t bytes, uint8_t* HWY_RESTRICT out) {
  const hn::CappedTag<int16_t, 16>
      d16;  // at most two blocks, so that zipped bytes keep their order
  const hn::Repartition<int32_t, decltype(d16)> d32;
  const hn::Rebind<uint8_t, decltype(d16)> d8;
  const hn::Rebind<uint8_t, decltype(d32)> d8_half;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d8));

  int64_t i = 0;
  for (; i + lanes <= bytes; i += lanes) {
    auto high_sum0 = hn::Zero(d32);
    auto high_sum1 = hn::Zero(d32);
    auto low_sum0 = hn::Zero(d32);
    auto low_sum1 = hn::Zero(d32);
    for (int32_t tap = 0; tap < taps; tap += 2) {
      const auto a = hn::LoadU(d8, in + tap * row_bytes + i);
      const auto b = hn::LoadU(d8, in + (tap + 1) * row_bytes + i);
      const auto ab0 = hn::PromoteTo(d16, hn::InterleaveLower(d8, a, b));
      const auto ab1 = hn::PromoteTo(d16, hn::InterleaveUpper(d8, a, b));
      const int16_t* const at = weights + weight_index(tap);
      const auto high = two_weights(d16, at);
      const auto low = two_weights(d16, at + 4);
      high_sum0 = add_pairs(d32, high_sum0, ab0, high);
      high_sum1 = add_pairs(d32, high_sum1, ab1, high);
      low_sum0 = add_pairs(d32, low_sum0, ab0, low);
      low_sum1 = add_pairs(d32, low_sum1, ab1, low);
    }
    const auto sum0 = hn::DemoteTo(d8_half, to_byte_range(d32, high_sum0, low_sum0));
    const auto sum1 = hn::DemoteTo(d8_half, to_byte_range(d32, high_sum1, low_sum1));
    hn::StoreU(sum0, d8_half, out + i);
    hn::StoreU(sum1, d8_half, out + i + lanes / 2);
  }
  for (; i < bytes; ++i) out[i] = weigh(in + i, row_bytes, weights, taps);
}

#endif  // HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace catamaran
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace catamaran {

HWY_EXPORT(resize_columns);
HWY_EXPORT(blend_rows);

void resize_columns(const FilterTable& table, bool mirrored, const RowBlock& rows) {
  HWY_DYNAMIC_DISPATCH(resize_columns)(table, mirrored, rows);
}

void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* weights, int32_t taps,
                int64_t bytes, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(blend_rows)(in, row_bytes, weights, taps, bytes, out);
}

}  // namespace catamaran
#endif  // HWY_ONCE
