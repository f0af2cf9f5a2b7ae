// Compiled once per instruction set: foreach_target.h includes this file again for each.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "memory_limit.cpp"
#include <hwy/foreach_target.h>
// It must come before highway.h.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "memory_limit.h"

HWY_BEFORE_NAMESPACE();
namespace catamaran {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
constexpr int64_t kAhead = 512;  // elements

template <class... Changed>
HWY_INLINE void change(const float* HWY_RESTRICT read, int64_t count, float zero,
                       Changed*... changed) {
  const D d;
  const auto zeros = hn::Set(d, zero);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hwy::Prefetch(read + i + kAhead);
    (hwy::Prefetch(changed + i + kAhead), ...);
    const auto value = hn::LoadU(d, read + i);
    (hn::StoreU(hn::MulAdd(zeros, value, hn::LoadU(d, changed + i)), d, changed + i), ...);
  }
  for (; i < count; ++i) ((changed[i] += zero * read[i]), ...);
}

void change_one(const float* read, float zero, float* a, int64_t count) {
  change(read, count, zero, a);
}
void change_two(const float* read, float zero, float* a, float* b, int64_t count) {
  change(read, count, zero, a, b);
}
void change_three(const float* read, float zero, float* a, float* b, float* c, int64_t count) {
  change(read, count, zero, a, b, c);
}

template <class... Read>
HWY_INLINE float read(int64_t count, const Read*... from) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    (hwy::Prefetch(from + i + kAhead), ...);
    ((even = hn::Add(even, hn::LoadU(d, from + i))), ...);
    ((odd = hn::Add(odd, hn::LoadU(d, from + i + lanes))), ...);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < count; ++i) ((sum += from[i]), ...);
  return sum;
}

float read_one(const float* a, int64_t count) { return read(count, a); }
float read_two(const float* a, const float* b, int64_t count) { return read(count, a, b); }

}  // namespace HWY_NAMESPACE
}  // namespace catamaran
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace catamaran {
namespace {

volatile float zero = 0;  // the compiler must not know

}  // namespace

HWY_EXPORT(change_one);
HWY_EXPORT(change_two);
HWY_EXPORT(change_three);
HWY_EXPORT(read_one);
HWY_EXPORT(read_two);

void change_one(const float* read, float* a, int64_t count) {
  HWY_DYNAMIC_DISPATCH(change_one)(read, zero, a, count);
}
void change_two(const float* read, float* a, float* b, int64_t count) {
  HWY_DYNAMIC_DISPATCH(change_two)(read, zero, a, b, count);
}
void change_three(const float* read, float* a, float* b, float* c, int64_t count) {
  HWY_DYNAMIC_DISPATCH(change_three)(read, zero, a, b, c, count);
}
float read_one(const float* a, int64_t count) { return HWY_DYNAMIC_DISPATCH(read_one)(a, count); }
float read_two(const float* a, const float* b, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(read_two)(a, b, count);
}

}  // namespace catamaran
#endif  // HWY_ONCE
