// Compiled once per instruction set: foreach_target.h includes this file again for each.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dataio/pixel_kernels.cpp"
#include <hwy/foreach_target.h>
// It must come before highway.h.
#include <hwy/highway.h>

#include "dataio/pixel_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace catamaran {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DB = hn::Rebind<uint8_t, DF>;  // as many bytes as there are floats

HWY_INLINE hn::Vec<DI> load_bytes(const uint8_t* at) {
  return hn::PromoteTo(DI(), hn::LoadU(DB(), at));
}

HWY_INLINE hn::Vec<DB> blend(hn::Vec<DI> from, hn::Vec<DI> to, hn::Vec<DF> factor) {
  const DF df;
  const auto step = hn::ConvertTo(df, hn::Sub(to, from));
  const auto blended = hn::Add(hn::ConvertTo(df, from), hn::Mul(factor, step));
  return hn::DemoteTo(DB(), hn::ConvertTo(DI(), blended));  // cut off, then clamped
}

// One byte at a time, for the ends of arrays; the same arithmetic.
HWY_INLINE uint8_t blend_byte(int32_t from, int32_t to, float factor) {
  const float product = factor * static_cast<float>(to - from);
  const float blended = static_cast<float>(from) + product;
  if (blended <= 0) return 0;
  return blended >= 255 ? 255 : static_cast<uint8_t>(blended);
}

void blend_with_constant(uint8_t from, float factor, uint8_t* bytes, int64_t count) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(DF()));
  const auto from_v = hn::Set(DI(), int32_t{from});
  const auto factor_v = hn::Set(DF(), factor);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    hn::StoreU(blend(from_v, load_bytes(bytes + i), factor_v), DB(), bytes + i);
  for (; i < count; ++i) bytes[i] = blend_byte(from, bytes[i], factor);
}

void blend_with(const uint8_t* from, float factor, uint8_t* bytes, int64_t count) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(DF()));
  const auto factor_v = hn::Set(DF(), factor);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(blend(load_bytes(from + i), load_bytes(bytes + i), factor_v), DB(), bytes + i);
  }
  for (; i < count; ++i) bytes[i] = blend_byte(from[i], bytes[i], factor);
}

#if HWY_TARGET == HWY_SCALAR

void blend_with_gray(float factor, uint8_t* rgb, int64_t pixels) {
  for (uint8_t* p = rgb; p < rgb + pixels * 3; p += 3) {
    const int32_t gray = gray_of(p[0], p[1], p[2]);
    for (int c = 0; c < 3; ++c) p[c] = blend_byte(gray, p[c], factor);
  }
}

uint64_t sum_of_gray(const uint8_t* rgb, int64_t pixels) {
  uint64_t sum = 0;
  for (const uint8_t* p = rgb; p < rgb + pixels * 3; p += 3)
    sum += static_cast<uint64_t>(gray_of(p[0], p[1], p[2]));
  return sum;
}

#else  // vectors

// Sixteen pixels' channels, each four vectors of at most four numbers.
using D16B = hn::FixedTag<uint8_t, 16>;
using D4I = hn::FixedTag<int32_t, 4>;
using D4F = hn::FixedTag<float, 4>;
using D4B = hn::FixedTag<uint8_t, 4>;

struct Channels {
  alignas(16) uint8_t r[16];
  alignas(16) uint8_t g[16];
  alignas(16) uint8_t b[16];
};

HWY_INLINE void split(const uint8_t* rgb, Channels& to) {
  hn::Vec<D16B> r, g, b;
  hn::LoadInterleaved3(D16B(), rgb, r, g, b);
  hn::Store(r, D16B(), to.r);
  hn::Store(g, D16B(), to.g);
  hn::Store(b, D16B(), to.b);
}

HWY_INLINE hn::Vec<D4I> four(const uint8_t* at) {
  return hn::PromoteTo(D4I(), hn::LoadU(D4B(), at));
}

HWY_INLINE hn::Vec<D4I> four_grays(const Channels& c, int at) {
  const D4I di;
  const auto sum =
      hn::Add(hn::Add(hn::Mul(four(c.r + at), hn::Set(di, 19595)),
                      hn::Mul(four(c.g + at), hn::Set(di, 38470))),
              hn::Add(hn::Mul(four(c.b + at), hn::Set(di, 7471)), hn::Set(di, 0x8000)));
  return hn::ShiftRight<16>(sum);
}

HWY_INLINE void blend_four(hn::Vec<D4I> gray, hn::Vec<D4F> factor, uint8_t* at) {
  const D4F df;
  const auto step = hn::ConvertTo(df, hn::Sub(four(at), gray));
  const auto blended = hn::Add(hn::ConvertTo(df, gray), hn::Mul(factor, step));
  hn::StoreU(hn::DemoteTo(D4B(), hn::ConvertTo(D4I(), blended)), D4B(), at);
}

void blend_with_gray(float factor, uint8_t* rgb, int64_t pixels) {
  const auto factor_v = hn::Set(D4F(), factor);
  int64_t i = 0;
  for (; i + 16 <= pixels; i += 16) {
    Channels c;
    split(rgb + i * 3, c);
    for (int k = 0; k < 16; k += 4) {
      const auto gray = four_grays(c, k);
      blend_four(gray, factor_v, c.r + k);
      blend_four(gray, factor_v, c.g + k);
      blend_four(gray, factor_v, c.b + k);
    }
    hn::StoreInterleaved3(hn::Load(D16B(), c.r), hn::Load(D16B(), c.g), hn::Load(D16B(), c.b),
                          D16B(), rgb + i * 3);
  }
  for (uint8_t* p = rgb + i * 3; p < rgb + pixels * 3; p += 3) {
    const int32_t gray = gray_of(p[0], p[1], p[2]);
    for (int channel = 0; channel < 3; ++channel) p[channel] = blend_byte(gray, p[channel], factor);
  }
}

uint64_t sum_of_gray(const uint8_t* rgb, int64_t pixels) {
  constexpr int64_t kBeforeOverflow = 1 << 20;  // pixels, of a 32-bit sum of bytes in four lanes
  uint64_t total = 0;
  int64_t i = 0;
  while (i + 16 <= pixels) {
    auto sum = hn::Zero(D4I());
    const int64_t end = HWY_MIN(pixels, i + kBeforeOverflow);
    for (; i + 16 <= end; i += 16) {
      Channels c;
      split(rgb + i * 3, c);
      for (int k = 0; k < 16; k += 4) sum = hn::Add(sum, four_grays(c, k));
    }
    total += static_cast<uint64_t>(hn::GetLane(hn::SumOfLanes(D4I(), sum)));
  }
  for (const uint8_t* p = rgb + i * 3; p < rgb + pixels * 3; p += 3)
    total += static_cast<uint64_t>(gray_of(p[0], p[1], p[2]));
  return total;
}

#endif  // HWY_SCALAR

void invert_from(int32_t threshold, uint8_t* bytes, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    bytes[i] = static_cast<uint8_t>(bytes[i] >= threshold ? 255 - bytes[i] : bytes[i]);
}

void keep_bits(uint8_t mask, uint8_t* bytes, int64_t count) {
  for (int64_t i = 0; i < count; ++i) bytes[i] &= mask;
}

}  // namespace HWY_NAMESPACE
}  // namespace catamaran
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace catamaran {

HWY_EXPORT(blend_with_constant);
HWY_EXPORT(blend_with);
HWY_EXPORT(blend_with_gray);
HWY_EXPORT(sum_of_gray);
HWY_EXPORT(invert_from);
HWY_EXPORT(keep_bits);

void blend_with_constant(uint8_t from, float factor, uint8_t* bytes, int64_t count) {
  HWY_DYNAMIC_DISPATCH(blend_with_constant)(from, factor, bytes, count);
}
void blend_with(const uint8_t* from, float factor, uint8_t* bytes, int64_t count) {
  HWY_DYNAMIC_DISPATCH(blend_with)(from, factor, bytes, count);
}
void blend_with_gray(float factor, uint8_t* rgb, int64_t pixels) {
  HWY_DYNAMIC_DISPATCH(blend_with_gray)(factor, rgb, pixels);
}
uint64_t sum_of_gray(const uint8_t* rgb, int64_t pixels) {
  return HWY_DYNAMIC_DISPATCH(sum_of_gray)(rgb, pixels);
}
void invert_from(int32_t threshold, uint8_t* bytes, int64_t count) {
  HWY_DYNAMIC_DISPATCH(invert_from)(threshold, bytes, count);
}
void keep_bits(uint8_t mask, uint8_t* bytes, int64_t count) {
  HWY_DYNAMIC_DISPATCH(keep_bits)(mask, bytes, count);
}

}  // namespace catamaran
#endif  // HWY_ONCE
