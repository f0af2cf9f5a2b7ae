// Compiled once per instruction set: foreach_target.h includes this file again for each.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dataio/resize_kernels.cpp"
#include <hwy/foreach_target.h>
// It must come before highway.h.
#include <hwy/highway.h>

#include "dataio/resize_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace catamaran {
namespace HWY_NAMESPACE {

constexpr int kLowBits = 11;        // of a weight, in FilterTable::low
constexpr int kPrecisionBits = 22;  // of a weight

// One output of either pass: inputs are `step` bytes apart.
HWY_INLINE uint8_t weigh(const uint8_t* in, int64_t step, const int16_t* high, const int16_t* low,
                         int32_t taps) {
  int32_t sum = 1 << (kPrecisionBits - 1);
  for (int32_t tap = 0; tap < taps; ++tap) {
    sum += ((int32_t{high[tap]} << kLowBits) + low[tap]) * in[tap * step];
  }
  return static_cast<uint8_t>(HWY_MIN(sum >> kPrecisionBits, 255));
}

#if HWY_TARGET == HWY_SCALAR

void resize_columns(const FilterTable& table, bool mirrored, const uint8_t* in, uint8_t* out) {
  for (int32_t x = 0; x < table.output; ++x) {
    const int32_t i = mirrored ? table.output - 1 - x : x;
    const int64_t at = int64_t{i} * table.taps;
    for (int32_t c = 0; c < 3; ++c) {
      out[x * 3 + c] = weigh(in + int64_t{table.first[i] - table.begin} * 4 + c, 4,
                             table.high.data() + at, table.low.data() + at, table.taps);
    }
  }
}

void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* high, const int16_t* low,
                int32_t taps, int64_t bytes, uint8_t* out) {
  for (int64_t i = 0; i < bytes; ++i) out[i] = weigh(in + i, row_bytes, high, low, taps);
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

// Four taps a time: bytes r0 g0 b0 x0 r1 ... x3 become the pairs r0 r1, g0 g1, ... and r2 r3, ...
void resize_columns(const FilterTable& table, bool mirrored, const uint8_t* HWY_RESTRICT in,
                    uint8_t* HWY_RESTRICT out) {
  const hn::FixedTag<uint8_t, 16> d8;
  const hn::FixedTag<int16_t, 8> d16;
  const hn::FixedTag<int32_t, 4> d32;
  const hn::FixedTag<uint8_t, 4> d_pixel;
  alignas(16) static constexpr uint8_t kPairs[16] = {0, 4,  1, 5,  2,  6,  3,  7,
                                                     8, 12, 9, 13, 10, 14, 11, 15};
  alignas(16) static constexpr uint8_t kWeights01[16] = {0, 1, 2, 3, 0, 1, 2, 3,
                                                         0, 1, 2, 3, 0, 1, 2, 3};
  alignas(16) static constexpr uint8_t kWeights23[16] = {4, 5, 6, 7, 4, 5, 6, 7,
                                                         4, 5, 6, 7, 4, 5, 6, 7};
  const auto pairs = hn::Load(d8, kPairs);
  const auto weights01 = hn::BitCast(d16, hn::Load(d8, kWeights01));
  const auto weights23 = hn::BitCast(d16, hn::Load(d8, kWeights23));
  const hn::Half<decltype(d8)> d8_half;
  const hn::FixedTag<int16_t, 4> d16_half;

  for (int32_t x = 0; x < table.output; ++x) {
    const int32_t i = mirrored ? table.output - 1 - x : x;
    const uint8_t* pixel = in + int64_t{table.first[i] - table.begin} * 4;
    const int16_t* high = table.high.data() + int64_t{i} * table.taps;
    const int16_t* low = table.low.data() + int64_t{i} * table.taps;
    auto high_sum = hn::Zero(d32);
    auto low_sum = hn::Zero(d32);
    for (int32_t tap = 0; tap < table.taps; tap += 4) {
      const auto bytes = hn::TableLookupBytes(hn::LoadU(d8, pixel + int64_t{tap} * 4), pairs);
      const auto p01 = hn::PromoteTo(d16, hn::LowerHalf(d8_half, bytes));
      const auto p23 = hn::PromoteTo(d16, hn::UpperHalf(d8_half, bytes));
      const auto high4 = hn::LoadU(d16_half, high + tap);
      const auto low4 = hn::LoadU(d16_half, low + tap);
      const auto high8 = hn::Combine(d16, high4, high4);
      const auto low8 = hn::Combine(d16, low4, low4);
      high_sum = add_pairs(d32, high_sum, p01, hn::TableLookupBytes(high8, weights01));
      high_sum = add_pairs(d32, high_sum, p23, hn::TableLookupBytes(high8, weights23));
      low_sum = add_pairs(d32, low_sum, p01, hn::TableLookupBytes(low8, weights01));
      low_sum = add_pairs(d32, low_sum, p23, hn::TableLookupBytes(low8, weights23));
    }
    const auto sum = to_byte_range(d32, high_sum, low_sum);
    // The fourth byte is overwritten by the next pixel.
    hn::StoreU(hn::DemoteTo(d_pixel, sum), d_pixel, out + int64_t{x} * 3);
  }
}

void blend_rows(const uint8_t* HWY_RESTRICT in, int64_t row_bytes, const int16_t* high,
                const int16_t* low, int32_t taps, int64_t bytes, uint8_t* HWY_RESTRICT out) {
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
      const auto high2 = hn::OddEven(hn::Set(d16, high[tap + 1]), hn::Set(d16, high[tap]));
      const auto low2 = hn::OddEven(hn::Set(d16, low[tap + 1]), hn::Set(d16, low[tap]));
      high_sum0 = add_pairs(d32, high_sum0, ab0, high2);
      high_sum1 = add_pairs(d32, high_sum1, ab1, high2);
      low_sum0 = add_pairs(d32, low_sum0, ab0, low2);
      low_sum1 = add_pairs(d32, low_sum1, ab1, low2);
    }
    const auto sum0 = hn::DemoteTo(d8_half, to_byte_range(d32, high_sum0, low_sum0));
    const auto sum1 = hn::DemoteTo(d8_half, to_byte_range(d32, high_sum1, low_sum1));
    hn::StoreU(sum0, d8_half, out + i);
    hn::StoreU(sum1, d8_half, out + i + lanes / 2);
  }
  for (; i < bytes; ++i) out[i] = weigh(in + i, row_bytes, high, low, taps);
}

#endif  // HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace catamaran
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace catamaran {

HWY_EXPORT(resize_columns);
HWY_EXPORT(blend_rows);

void resize_columns(const FilterTable& table, bool mirrored, const uint8_t* in, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(resize_columns)(table, mirrored, in, out);
}

void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* high, const int16_t* low,
                int32_t taps, int64_t bytes, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(blend_rows)(in, row_bytes, high, low, taps, bytes, out);
}

}  // namespace catamaran
#endif  // HWY_ONCE
