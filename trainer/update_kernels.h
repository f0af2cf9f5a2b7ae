// The arithmetic of an optimizer's step over flat fp32 memory of the host, each kernel one pass, in
// vector instructions, the best the processor has.
//
//   adamw({.rate = rate, .gradient_factor = f, .t = 1}, gradient, weight, mean, square, count);
//
// gradient_factor is what the gradients are to be multiplied by first (the mean over the global
// batch, the clip), so that no pass scales them. Pointers need no alignment and must not overlap.
// Every element is computed by the same operations wherever it lies, so results do not depend on
// how a caller cuts the memory into pieces; processors with and without fused multiply-add differ
// by rounding. Sums run in kSumLanes fp32 lanes over kSumPiece elements at a time, those sums in
// double and in order: cut at multiples of kSumPiece they do not depend on the cut, nor on the
// length of the processor's vectors. Where weight, gradient and state are zeros they stay zeros:
// padding. Thread-safe on memory that differs.
#pragma once

#include <cstdint>

namespace catamaran {

// d = gradient_factor g + decay w; v = momentum v + d; w -= rate v, or with nesterov
// w -= rate (d + momentum v).
struct SgdStep {
  double rate = 0;
  double gradient_factor = 1;
  double decay = 0;
  double momentum = 0;
  bool nesterov = false;
};

// u = m^ / (sqrt v^ + epsilon), with the moments m, v of gradient_factor g corrected for their
// start at zero. AdamW: w = (1 - rate decay) w - rate u; LAMB: w -= rate ratio (u + decay w).
struct AdamStep {
  double rate = 0;
  double gradient_factor = 1;
  double decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;  // below fp32's normal range it counts as the least number there
  double t = 1;           // 1 for the first step
};

struct SquaredNorms {
  double weight = 0;
  double update = 0;
};

constexpr int64_t kSumLanes = 16;
constexpr int64_t kSumPiece = 4096;  // elements

// velocity null: w -= rate d.
void sgd(const SgdStep& step, const float* gradient, float* weight, float* velocity, int64_t count);
void adamw(const AdamStep& step, const float* gradient, float* weight, float* mean, float* square,
           int64_t count);
// The first of LARS's passes: the norms of w and of gradient_factor g + decay w.
SquaredNorms lars_norms(double gradient_factor, double decay, const float* gradient,
                        const float* weight, int64_t count);
// The first of LAMB's passes: u + decay w takes the gradient's place; its norm and the weight's.
// The second is sgd without velocity.
SquaredNorms lamb_norms(const AdamStep& step, float* gradient, const float* weight, float* mean,
                        float* square, int64_t count);
double sum_of_squares(const float* values, int64_t count);
// average += share (value - average)
void move_towards(double share, const float* value, float* average, int64_t count);

}  // namespace catamaran
