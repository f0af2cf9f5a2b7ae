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
    sum += ((int32_t{high[0]} << kLowBits) + high[kToLowPart]) * in[tap * step];
  }
  return static_cast<uint8_t>(HWY_MIN(sum >> kPrecisionBits, 255));
}

#if HWY_TARGET == HWY_SCALAR

void plan_columns(const FilterTable& table, bool mirrored, int32_t bytes_per_pixel,
                  ColumnPlan& plan) {
  plan.output = table.output();
  plan.pairs = table.taps / 2;
  plan.bytes_per_pixel = bytes_per_pixel;
  plan.places.resize(static_cast<size_t>(table.output()));
  plan.weights.resize(table.weights.size());
  for (int32_t x = 0; x < table.output(); ++x) {
    const int32_t i = mirrored ? table.output() - 1 - x : x;
    plan.places[x] = (table.first[i] - table.begin) * bytes_per_pixel;
    std::copy_n(table.weights_of(i), table.taps * 2,
                plan.weights.data() + int64_t{x} * table.taps * 2);
  }
}

void resize_columns(const ColumnPlan& plan, const RowBlock& rows) {
  const int32_t taps = plan.pairs * 2;
  for (int32_t x = 0; x < plan.output; ++x) {
    const int16_t* const weights = plan.weights.data() + int64_t{x} * taps * 2;
    for (int64_t row = 0; row < rows.count; ++row) {
      const uint8_t* pixel = rows.in + row * rows.in_row_bytes + plan.places[x];
      uint8_t* const out = rows.out + row * rows.out_row_bytes + x * 3;
      for (int32_t c = 0; c < 3; ++c)
        out[c] = weigh(pixel + c, plan.bytes_per_pixel, weights, taps);
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

// The pass across. A group of outputs is four vectors; each of a vector's blocks of 16 bytes has
// one output: channels of a pair of taps side by side, as the multiplication adds them. Block b of
// vector j is output 4 b + j of the group, so that the four vectors' bytes, laid into one, are four
// neighbours in each block.
#if HWY_CAP_GE512
constexpr int kBlocks = 4;
#elif HWY_CAP_GE256
constexpr int kBlocks = 2;
#else
constexpr int kBlocks = 1;
#endif
constexpr int kVectors = 4;
constexpr int kGroup = kVectors * kBlocks;  // outputs
constexpr int kWeightsOfPair = 2 * 8 * kBlocks;
using D8 = hn::FixedTag<uint8_t, 16 * kBlocks>;
using D16 = hn::FixedTag<int16_t, 8 * kBlocks>;
using D32 = hn::FixedTag<int32_t, 4 * kBlocks>;

void plan_columns(const FilterTable& table, bool mirrored, int32_t bytes_per_pixel,
                  ColumnPlan& plan) {
  const int32_t groups = (table.output() + kGroup - 1) / kGroup;
  const int32_t pairs = table.taps / 2;
  plan.output = table.output();
  plan.pairs = pairs;
  plan.bytes_per_pixel = bytes_per_pixel;
  plan.places.resize(static_cast<size_t>(groups) * kGroup);
  plan.weights.resize(static_cast<size_t>(groups) * kVectors * pairs * kWeightsOfPair);
  int32_t* place = plan.places.data();
  int16_t* to = plan.weights.data();
  for (int32_t vector = 0; vector < groups * kVectors; ++vector, to += pairs * kWeightsOfPair) {
    for (int32_t b = 0; b < kBlocks; ++b) {
      // Outputs beyond the last are computed, too, and thrown away.
      const int32_t x =
          HWY_MIN(vector / kVectors * kGroup + b * 4 + vector % kVectors, table.output() - 1);
      const int32_t i = mirrored ? table.output() - 1 - x : x;
      *place++ = (table.first[i] - table.begin) * bytes_per_pixel;
      const int16_t* const from = table.weights_of(i);
      for (int32_t pair = 0; pair < pairs; ++pair) {
        for (int32_t channel = 0; channel < 4; ++channel) {
          int16_t* const high = to + pair * kWeightsOfPair + b * 8 + channel * 2;
          std::memcpy(high, from + pair * 4, 4);
          std::memcpy(high + kWeightsOfPair / 2, from + pair * 4 + kToLowPart, 4);
        }
      }
    }
  }
}

// 16 bytes from each of a vector's places.
HWY_INLINE hn::Vec<D8> load_blocks(const uint8_t* in, const int32_t* places) {
  const hn::FixedTag<uint8_t, 16> d_block;
  const auto block = [&](int b) { return hn::LoadU(d_block, in + places[b]); };
#if HWY_CAP_GE512
  const hn::FixedTag<uint8_t, 32> d_two;
  return hn::Combine(D8(), hn::Combine(d_two, block(3), block(2)),
                     hn::Combine(d_two, block(1), block(0)));
#elif HWY_CAP_GE256
  return hn::Combine(D8(), block(1), block(0));
#else
  return block(0);
#endif
}

// Which bytes of a block make a pair of taps' 16-bit channels: r0 r1, g0 g1, ...
HWY_INLINE hn::Vec<D8> pair_of(int32_t bytes_per_pixel, int32_t first_tap) {
  alignas(16) uint8_t lanes[16];
  for (int32_t i = 0; i < 16; ++i) {
    const int32_t channel = i / 4;
    const bool used = i % 2 == 0 && channel < 3;
    lanes[i] = used ? static_cast<uint8_t>((first_tap + i % 4 / 2) * bytes_per_pixel + channel)
                    : uint8_t{0x80};  // zero
  }
  return hn::LoadDup128(D8(), lanes);
}

// The bytes of four neighbours from channel by channel to pixel by pixel, without the fourth
// channel.
HWY_INLINE hn::Vec<D8> pixels_of_channels() {
  alignas(16) static constexpr uint8_t kOrder[16] = {0,  4, 8, 1,  5,    9,    2,    6,
                                                     10, 3, 7, 11, 0x80, 0x80, 0x80, 0x80};
  return hn::LoadDup128(D8(), kOrder);
}

// Of each block twelve bytes, one after the other; the four bytes after the last are overwritten.
HWY_INLINE void store_blocks(hn::Vec<D8> v, uint8_t* out) {
  alignas(64) uint8_t blocks[16 * kBlocks];
  hn::Store(v, D8(), blocks);
  const hn::FixedTag<uint8_t, 16> d_block;
  for (int b = 0; b < kBlocks; ++b)
    hn::StoreU(hn::Load(d_block, blocks + b * 16), d_block, out + b * 12);
}

// One vector's outputs of one row as 32-bit numbers. kPairs = 0: any number of pairs.
template <int kPairs>
HWY_INLINE hn::Vec<D32> weigh_blocks(const ColumnPlan& plan, const uint8_t* HWY_RESTRICT in,
                                     const int32_t* HWY_RESTRICT places,
                                     const int16_t* HWY_RESTRICT weights,
                                     const hn::Vec<D8>& first_pair,
                                     const hn::Vec<D8>& second_pair) {
  const D16 d16;
  const D32 d32;
  const int32_t pairs = kPairs > 0 ? kPairs : plan.pairs;
  auto high = hn::Zero(d32);
  auto low = hn::Zero(d32);
  for (int32_t pair = 0; pair < pairs; pair += 2) {
    const auto four = load_blocks(in + pair * 2 * plan.bytes_per_pixel, places);
    const auto a = hn::BitCast(d16, hn::TableLookupBytesOr0(four, first_pair));
    const int16_t* const at = weights + pair * kWeightsOfPair;
    high = add_pairs(d32, high, a, hn::LoadU(d16, at));
    low = add_pairs(d32, low, a, hn::LoadU(d16, at + kWeightsOfPair / 2));
    if (pair + 1 == pairs) break;
    const auto b = hn::BitCast(d16, hn::TableLookupBytesOr0(four, second_pair));
    high = add_pairs(d32, high, b, hn::LoadU(d16, at + kWeightsOfPair));
    low = add_pairs(d32, low, b, hn::LoadU(d16, at + kWeightsOfPair + kWeightsOfPair / 2));
  }
  return hn::Min(to_byte_range(d32, high, low), hn::Set(d32, 255));
}

template <int kPairs, int kRows>
HWY_INLINE void resize_rows(const ColumnPlan& plan, const RowBlock& rows, int64_t first_row) {
  const D32 d32;
  const auto first_pair = pair_of(plan.bytes_per_pixel, 0);
  const auto second_pair = pair_of(plan.bytes_per_pixel, 2);
  const auto order = pixels_of_channels();
  const uint8_t* const in = rows.in + first_row * rows.in_row_bytes;
  uint8_t* const out = rows.out + first_row * rows.out_row_bytes;
  const int32_t* places = plan.places.data();
  const int16_t* weights = plan.weights.data();
  const int64_t weights_of_vector = int64_t{plan.pairs} * kWeightsOfPair;
  for (int32_t x = 0; x < plan.output; x += kGroup) {
    hn::Vec<D32> bytes[kRows];
    for (int r = 0; r < kRows; ++r) bytes[r] = hn::Zero(d32);
    // Backwards, so that earlier vectors' bytes end up lower.
    for (int j = kVectors - 1; j >= 0; --j) {
      for (int r = 0; r < kRows; ++r) {
        const auto sum =
            weigh_blocks<kPairs>(plan, in + r * rows.in_row_bytes, places + j * kBlocks,
                                 weights + j * weights_of_vector, first_pair, second_pair);
        bytes[r] = hn::Or(hn::ShiftLeft<8>(bytes[r]), sum);
      }
    }
    places += kGroup;
    weights += kVectors * weights_of_vector;
    for (int r = 0; r < kRows; ++r) {
      const auto pixels = hn::TableLookupBytesOr0(hn::BitCast(D8(), bytes[r]), order);
      uint8_t* const to = out + r * rows.out_row_bytes + int64_t{x} * 3;
      if (x + kGroup + 2 <= plan.output) {  // the four bytes more are of the same row
        store_blocks(pixels, to);
      } else {
        uint8_t last[kGroup * 3 + 4];
        store_blocks(pixels, last);
        std::copy_n(last, HWY_MIN(kGroup, plan.output - x) * 3, to);
      }
    }
  }
}

template <int kPairs>
HWY_NOINLINE void resize_all_rows(const ColumnPlan& plan, const RowBlock& rows) {
  int64_t row = 0;
  for (; row + 4 <= rows.count; row += 4) resize_rows<kPairs, 4>(plan, rows, row);
  for (; row < rows.count; ++row) resize_rows<kPairs, 1>(plan, rows, row);
}

void resize_columns(const ColumnPlan& plan, const RowBlock& rows) {
  switch (plan.pairs) {
    case 1:
      return resize_all_rows<1>(plan, rows);
    case 2:
      return resize_all_rows<2>(plan, rows);
    case 3:
      return resize_all_rows<3>(plan, rows);
    case 4:
      return resize_all_rows<4>(plan, rows);
    default:
      return resize_all_rows<0>(plan, rows);
  }
}

// The pass down. Bytes of two rows become pairs of 16-bit numbers, four to a block, so four vectors
// for the bytes of one; their sums are laid into one vector and brought back into order.
HWY_INLINE hn::Vec<D8> bytes_in_order() {
  alignas(16) static constexpr uint8_t kOrder[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                     2, 6, 10, 14, 3, 7, 11, 15};
  return hn::LoadDup128(D8(), kOrder);
}

// The weights of taps `tap` and `tap + 1`, over and over.
HWY_INLINE hn::Vec<D16> two_weights(const int16_t* at) {
  int32_t two;
  std::memcpy(&two, at, sizeof two);
  return hn::BitCast(D16(), hn::Set(D32(), two));
}

HWY_INLINE hn::Vec<D8> blend_bytes(const uint8_t* HWY_RESTRICT in, int64_t row_bytes,
                                   const int16_t* HWY_RESTRICT weights, int32_t taps) {
  const D8 d8;
  const D16 d16;
  const D32 d32;
  const auto zero = hn::Zero(d8);
  hn::Vec<D32> high[4];
  hn::Vec<D32> low[4];
  for (int k = 0; k < 4; ++k) high[k] = low[k] = hn::Zero(d32);
  for (int32_t tap = 0; tap < taps; tap += 2) {
    const auto a = hn::LoadU(d8, in + tap * row_bytes);
    const auto b = hn::LoadU(d8, in + (tap + 1) * row_bytes);
    const auto first = hn::InterleaveLower(d8, a, b);
    const auto second = hn::InterleaveUpper(d8, a, b);
    const hn::Vec<D16> pairs[4] = {hn::BitCast(d16, hn::InterleaveLower(d8, first, zero)),
                                   hn::BitCast(d16, hn::InterleaveUpper(d8, first, zero)),
                                   hn::BitCast(d16, hn::InterleaveLower(d8, second, zero)),
                                   hn::BitCast(d16, hn::InterleaveUpper(d8, second, zero))};
    const auto w_high = two_weights(weights + weight_index(tap));
    const auto w_low = two_weights(weights + weight_index(tap) + kToLowPart);
    for (int k = 0; k < 4; ++k) {
      high[k] = add_pairs(d32, high[k], pairs[k], w_high);
      low[k] = add_pairs(d32, low[k], pairs[k], w_low);
    }
  }
  auto bytes = hn::Zero(d32);
  for (int k = 3; k >= 0; --k) {
    const auto sum = hn::Min(to_byte_range(d32, high[k], low[k]), hn::Set(d32, 255));
    bytes = hn::Or(hn::ShiftLeft<8>(bytes), sum);
  }
  return hn::TableLookupBytes(hn::BitCast(d8, bytes), bytes_in_order());
}

void blend_rows(const uint8_t* HWY_RESTRICT in, int64_t row_bytes, const int16_t* weights,
                int32_t taps, int64_t bytes, uint8_t* HWY_RESTRICT out) {
  constexpr int64_t kLanes = 16 * kBlocks;
  if (bytes < kLanes) {
    for (int64_t i = 0; i < bytes; ++i) out[i] = weigh(in + i, row_bytes, weights, taps);
    return;
  }
  for (int64_t i = 0; i < bytes; i += kLanes) {
    const int64_t at = HWY_MIN(i, bytes - kLanes);  // the last vector does some bytes again
    hn::StoreU(blend_bytes(in + at, row_bytes, weights, taps), D8(), out + at);
  }
}

#endif  // HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace catamaran
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace catamaran {

HWY_EXPORT(plan_columns);
HWY_EXPORT(resize_columns);
HWY_EXPORT(blend_rows);

void plan_columns(const FilterTable& table, bool mirrored, int32_t bytes_per_pixel,
                  ColumnPlan& plan) {
  HWY_DYNAMIC_DISPATCH(plan_columns)(table, mirrored, bytes_per_pixel, plan);
}

void resize_columns(const ColumnPlan& plan, const RowBlock& rows) {
  HWY_DYNAMIC_DISPATCH(resize_columns)(plan, rows);
}

void blend_rows(const uint8_t* in, int64_t row_bytes, const int16_t* weights, int32_t taps,
                int64_t bytes, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(blend_rows)(in, row_bytes, weights, taps, bytes, out);
}

}  // namespace catamaran
#endif  // HWY_ONCE
