#include "trainer/device_updates.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>

#include <cmath>

#include "trainer/parameter_arena.h"

namespace catamaran::device_updates {
namespace {

using Tensors = std::vector<torch::Tensor>;

Tensors slices(const torch::Tensor& flat, const Ranges& ranges) {
  Tensors parts;
  for (const ArenaRange& range : ranges) parts.push_back(slice_of(flat, range));
  return parts;
}

// Gradients times factor, by range.
Tensors scaled_gradients(const FlatMemories& memories, const Ranges& ranges, double factor) {
  Tensors gradients = slices(memories.gradients, ranges);
  if (factor != 1) at::_foreach_mul_(gradients, factor);
  return gradients;
}

// By tensor; the norms come to the host in one copy.
std::vector<double> ratios(const Tensors& weights, const Tensors& updates,
                           const TrustRatio& ratio) {
  Tensors norms = at::_foreach_norm(weights, 2);
  for (const torch::Tensor& norm : at::_foreach_norm(updates, 2)) norms.push_back(norm);
  const torch::Tensor on_host = torch::stack(norms).to(torch::kCPU);
  const float* norm = on_host.const_data_ptr<float>();
  std::vector<double> factors(weights.size(), 1.0);
  for (size_t i = 0; i < factors.size(); ++i) {
    const double weight = norm[i];
    const double update = norm[factors.size() + i];
    if (weight > 0 && update > 0) factors[i] = ratio(weight, update);
  }
  return factors;
}

void multiply(const Tensors& updates, const std::vector<double>& factors) {
  at::_foreach_mul_(updates, std::vector<at::Scalar>(factors.begin(), factors.end()));
}

void fused_sgd(const FlatMemories& memories, const Ranges& ranges, const Tensors& gradients,
               const SgdStep& step, double decay) {
  const Tensors velocity = step.momentum == 0 ? Tensors() : slices(memories.first, ranges);
  at::_fused_sgd_(slices(memories.weights, ranges), gradients, velocity, decay, step.momentum,
                  step.rate, /*dampening=*/0, step.nesterov, /*maximize=*/false,
                  /*is_first_step=*/false);
}

}  // namespace

// The velocity starts at zero, which gives torch.optim's first step too. Without momentum LibTorch
// wants no buffers.
void sgd(const FlatMemories& memories, const Ranges& ranges, const SgdStep& step) {
  if (ranges.empty()) return;
  fused_sgd(memories, ranges, scaled_gradients(memories, ranges, step.gradient_factor), step,
            step.decay);
}

void adamw(const FlatMemories& memories, const Ranges& ranges, const AdamStep& step) {
  if (ranges.empty()) return;
  const Tensors steps(ranges.size(), torch::full({}, step.t, memories.weights.options()));
  at::_fused_adamw_(slices(memories.weights, ranges),
                    scaled_gradients(memories, ranges, step.gradient_factor),
                    slices(memories.first, ranges), slices(memories.second, ranges),
                    /*max_exp_avg_sqs=*/{}, steps, step.rate, step.beta1, step.beta2, step.decay,
                    step.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

void lars(const FlatMemories& memories, const Ranges& tensors, const LarsStep& step) {
  if (tensors.empty()) return;
  const Tensors weights = slices(memories.weights, tensors);
  const Tensors updates = scaled_gradients(memories, tensors, step.sgd.gradient_factor);
  std::vector<double> factors;
  if (step.norm_without_decay) factors = ratios(weights, updates, step.ratio);
  if (step.sgd.decay != 0) at::_foreach_add_(updates, weights, step.sgd.decay);
  if (!step.norm_without_decay) factors = ratios(weights, updates, step.ratio);
  multiply(updates, factors);
  fused_sgd(memories, tensors, updates, step.sgd, /*decay=*/0);
}

void lamb(const FlatMemories& memories, const Ranges& tensors, const AdamStep& step,
          const TrustRatio& ratio) {
  if (tensors.empty()) return;
  const Tensors weights = slices(memories.weights, tensors);
  const Tensors updates = scaled_gradients(memories, tensors, step.gradient_factor);
  const Tensors mean = slices(memories.first, tensors);
  const Tensors square = slices(memories.second, tensors);
  at::_foreach_lerp_(mean, updates, 1 - step.beta1);
  at::_foreach_mul_(square, step.beta2);
  at::_foreach_addcmul_(square, updates, updates, 1 - step.beta2);
  const Tensors denominators = at::_foreach_sqrt(square);
  at::_foreach_div_(denominators, std::sqrt(1 - std::pow(step.beta2, step.t)));
  at::_foreach_add_(denominators, step.epsilon);
  at::_foreach_copy_(updates, mean);
  at::_foreach_div_(updates, 1 - std::pow(step.beta1, step.t));
  at::_foreach_div_(updates, denominators);
  if (step.decay != 0) at::_foreach_add_(updates, weights, step.decay);
  multiply(updates, ratios(weights, updates, ratio));
  at::_foreach_add_(weights, updates, -step.rate);
}

}  // namespace catamaran::device_updates
