// Compiled once per instruction set: foreach_target.h includes this file again for each.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/update_kernels.cpp"
#include <hwy/foreach_target.h>
// It must come before highway.h.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cfloat>
#include <cmath>

#include "trainer/update_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace catamaran {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Wide = hn::CappedTag<float, kSumLanes>;
using One = hn::CappedTag<float, 1>;  // for the ends: the same operations on one element

// kernel(tag, i) for each full vector of elements, then for each element that is left.
template <class Kernel>
HWY_INLINE void for_each_vector(int64_t count, const Kernel& kernel) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Wide()));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) kernel(Wide(), i);
  for (; i < count; ++i) kernel(One(), i);
}

// Asks for memory that will be read soon: processors themselves fetch too little ahead where
// several streams run side by side (a fifth of the time, measured). Beyond the end it does nothing.
template <class... Pointer>
HWY_INLINE void fetch_ahead(const Pointer*... at) {
  constexpr int64_t kAhead = 512;  // elements
  (hwy::Prefetch(at + kAhead), ...);
}

// The squares of one piece, element i in lane i % kSumLanes whatever the vectors' length.
struct LaneSums {
  HWY_ALIGN float lanes[kSumLanes] = {};

  template <class D, class V>
  HWY_INLINE void add_square(D d, int64_t i, V value) {
    float* const at = lanes + i % kSumLanes;
    hn::StoreU(hn::MulAdd(value, value, hn::LoadU(d, at)), d, at);
  }
  double total() const {
    double sum = 0;
    for (const float lane : lanes) sum += static_cast<double>(lane);
    return sum;
  }
};

// gradient_factor g + decay w
template <class D>
HWY_INLINE hn::Vec<D> sgd_direction(D d, float factor, float decay, const float* gradient,
                                    hn::Vec<D> weight) {
  const auto g = hn::Mul(hn::Set(d, factor), hn::LoadU(d, gradient));
  return hn::MulAdd(hn::Set(d, decay), weight, g);
}

template <bool kNesterov>
HWY_INLINE void sgd_with_velocity(const SgdStep& step, const float* HWY_RESTRICT gradient,
                                  float* HWY_RESTRICT weight, float* HWY_RESTRICT velocity,
                                  int64_t count) {
  const auto rate = static_cast<float>(step.rate);
  const auto factor = static_cast<float>(step.gradient_factor);
  const auto decay = static_cast<float>(step.decay);
  const auto momentum = static_cast<float>(step.momentum);
  for_each_vector(count, [=](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(gradient + i, weight + i, velocity + i);
    const auto w = hn::LoadU(d, weight + i);
    const auto direction = sgd_direction(d, factor, decay, gradient + i, w);
    const auto old = hn::LoadU(d, velocity + i);
    const auto v = hn::MulAdd(hn::Set(d, momentum), old, direction);
    const auto taken = kNesterov ? hn::MulAdd(hn::Set(d, momentum), v, direction) : v;
    hn::StoreU(v, d, velocity + i);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), taken, w), d, weight + i);
  });
}

HWY_INLINE void sgd_without_velocity(const SgdStep& step, const float* HWY_RESTRICT gradient,
                                     float* HWY_RESTRICT weight, int64_t count) {
  const auto rate = static_cast<float>(step.rate);
  const auto factor = static_cast<float>(step.gradient_factor);
  const auto decay = static_cast<float>(step.decay);
  for_each_vector(count, [=](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(gradient + i, weight + i);
    const auto w = hn::LoadU(d, weight + i);
    const auto direction = sgd_direction(d, factor, decay, gradient + i, w);
    hn::StoreU(hn::NegMulAdd(hn::Set(d, rate), direction, w), d, weight + i);
  });
}

void sgd(const SgdStep& step, const float* gradient, float* weight, float* velocity,
         int64_t count) {
  if (velocity == nullptr) return sgd_without_velocity(step, gradient, weight, count);
  if (step.nesterov) return sgd_with_velocity<true>(step, gradient, weight, velocity, count);
  sgd_with_velocity<false>(step, gradient, weight, velocity, count);
}

struct Moments {
  explicit Moments(const AdamStep& step)
      : factor(static_cast<float>(step.gradient_factor)),
        share1(static_cast<float>(1 - step.beta1)),
        beta2(static_cast<float>(step.beta2)),
        share2(static_cast<float>(1 - step.beta2)),
        correction1(static_cast<float>(1 / (1 - std::pow(step.beta1, step.t)))),
        root_correction2(static_cast<float>(1 / std::sqrt(1 - std::pow(step.beta2, step.t)))),
        epsilon(HWY_MAX(static_cast<float>(step.epsilon), FLT_MIN)) {}
  float factor;
  float share1;
  float beta2;
  float share2;
  float correction1;
  float root_correction2;
  float epsilon;
};

// The moments move on; scale m / (sqrt v^ + epsilon).
template <class D>
HWY_INLINE hn::Vec<D> next_moments(D d, const Moments& n, float scale, const float* gradient,
                                   float* mean, float* square) {
  const auto g = hn::Mul(hn::Set(d, n.factor), hn::LoadU(d, gradient));
  const auto old = hn::LoadU(d, mean);
  const auto m = hn::MulAdd(hn::Set(d, n.share1), hn::Sub(g, old), old);
  const auto v = hn::MulAdd(hn::Mul(hn::Set(d, n.share2), g), g,
                            hn::Mul(hn::Set(d, n.beta2), hn::LoadU(d, square)));
  hn::StoreU(m, d, mean);
  hn::StoreU(v, d, square);
  const auto root = hn::MulAdd(hn::Sqrt(v), hn::Set(d, n.root_correction2), hn::Set(d, n.epsilon));
  return hn::Div(hn::Mul(hn::Set(d, scale), m), root);
}

void adamw(const AdamStep& step, const float* HWY_RESTRICT gradient, float* HWY_RESTRICT weight,
           float* HWY_RESTRICT mean, float* HWY_RESTRICT square, int64_t count) {
  const Moments moments(step);
  const auto scale = static_cast<float>(step.rate) * moments.correction1;
  const auto keep = static_cast<float>(1 - step.rate * step.decay);
  for_each_vector(count, [=](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(gradient + i, weight + i, mean + i, square + i);
    const auto moved = next_moments(d, moments, scale, gradient + i, mean + i, square + i);
    const auto w = hn::LoadU(d, weight + i);
    // Two roundings, as PyTorch's: over many steps fewer would differ by several of the last bits.
    hn::StoreU(hn::Sub(hn::Mul(hn::Set(d, keep), w), moved), d, weight + i);
  });
}

// piece(first element, count): the norms of each piece, added up.
template <class Piece>
HWY_INLINE SquaredNorms sum_over_pieces(int64_t count, const Piece& piece) {
  SquaredNorms sum;
  for (int64_t i = 0; i < count; i += kSumPiece) {
    const SquaredNorms norms = piece(i, HWY_MIN(kSumPiece, count - i));
    sum.weight += norms.weight;
    sum.update += norms.update;
  }
  return sum;
}

HWY_INLINE SquaredNorms lamb_piece(const Moments& moments, float decay,
                                   float* HWY_RESTRICT gradient, const float* HWY_RESTRICT weight,
                                   float* HWY_RESTRICT mean, float* HWY_RESTRICT square,
                                   int64_t count) {
  LaneSums weights;
  LaneSums updates;
  for_each_vector(count, [&](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(gradient + i, weight + i, mean + i, square + i);
    const auto moved =
        next_moments(d, moments, moments.correction1, gradient + i, mean + i, square + i);
    const auto w = hn::LoadU(d, weight + i);
    const auto update = hn::MulAdd(hn::Set(d, decay), w, moved);
    hn::StoreU(update, d, gradient + i);
    weights.add_square(d, i, w);
    updates.add_square(d, i, update);
  });
  return {weights.total(), updates.total()};
}

SquaredNorms lamb_norms(const AdamStep& step, float* gradient, const float* weight, float* mean,
                        float* square, int64_t count) {
  const Moments moments(step);
  const auto decay = static_cast<float>(step.decay);
  return sum_over_pieces(count, [&](int64_t i, int64_t length) HWY_ATTR {
    return lamb_piece(moments, decay, gradient + i, weight + i, mean + i, square + i, length);
  });
}

HWY_INLINE SquaredNorms lars_piece(float factor, float decay, const float* gradient,
                                   const float* weight, int64_t count) {
  LaneSums weights;
  LaneSums updates;
  for_each_vector(count, [&](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(gradient + i, weight + i);
    const auto w = hn::LoadU(d, weight + i);
    weights.add_square(d, i, w);
    updates.add_square(d, i, sgd_direction(d, factor, decay, gradient + i, w));
  });
  return {weights.total(), updates.total()};
}

SquaredNorms lars_norms(double gradient_factor, double decay, const float* gradient,
                        const float* weight, int64_t count) {
  const auto factor = static_cast<float>(gradient_factor);
  return sum_over_pieces(count, [&](int64_t i, int64_t length) HWY_ATTR {
    return lars_piece(factor, static_cast<float>(decay), gradient + i, weight + i, length);
  });
}

HWY_INLINE double squares_of_piece(const float* values, int64_t count) {
  LaneSums sums;
  for_each_vector(count, [&](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(values + i);
    sums.add_square(d, i, hn::LoadU(d, values + i));
  });
  return sums.total();
}

double sum_of_squares(const float* values, int64_t count) {
  const auto sums = sum_over_pieces(count, [&](int64_t i, int64_t length) HWY_ATTR {
    return SquaredNorms{.weight = squares_of_piece(values + i, length)};
  });
  return sums.weight;
}

void move_towards(double share, const float* HWY_RESTRICT value, float* HWY_RESTRICT average,
                  int64_t count) {
  for_each_vector(count, [=, part = static_cast<float>(share)](auto d, int64_t i) HWY_ATTR {
    fetch_ahead(value + i, average + i);
    const auto old = hn::LoadU(d, average + i);
    const auto apart = hn::Sub(hn::LoadU(d, value + i), old);
    hn::StoreU(hn::MulAdd(hn::Set(d, part), apart, old), d, average + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace catamaran
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace catamaran {

HWY_EXPORT(sgd);
HWY_EXPORT(adamw);
HWY_EXPORT(lars_norms);
HWY_EXPORT(lamb_norms);
HWY_EXPORT(sum_of_squares);
HWY_EXPORT(move_towards);

void sgd(const SgdStep& step, const float* gradient, float* weight, float* velocity,
         int64_t count) {
  HWY_DYNAMIC_DISPATCH(sgd)(step, gradient, weight, velocity, count);
}
void adamw(const AdamStep& step, const float* gradient, float* weight, float* mean, float* square,
           int64_t count) {
  HWY_DYNAMIC_DISPATCH(adamw)(step, gradient, weight, mean, square, count);
}
SquaredNorms lars_norms(double gradient_factor, double decay, const float* gradient,
                        const float* weight, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(lars_norms)(gradient_factor, decay, gradient, weight, count);
}
SquaredNorms lamb_norms(const AdamStep& step, float* gradient, const float* weight, float* mean,
                        float* square, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(lamb_norms)(step, gradient, weight, mean, square, count);
}
double sum_of_squares(const float* values, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(sum_of_squares)(values, count);
}
void move_towards(double share, const float* value, float* average, int64_t count) {
  HWY_DYNAMIC_DISPATCH(move_towards)(share, value, average, count);
}

}  // namespace catamaran
#endif  // HWY_ONCE
