#include "trainer/gradient_clip.h"

#include <algorithm>
#include <numeric>

#include "model/part_names.h"

namespace catamaran {
namespace {

constexpr double kLeastWeight = 1e-3;
constexpr double kLeastGradient = 1e-6;

// The norms of all units of all tensors, one after another.
torch::Tensor unit_norms(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> norms;
  for (const torch::Tensor& tensor : tensors) {
    std::vector<int64_t> inner(tensor.dim() <= 1 ? 0 : static_cast<size_t>(tensor.dim() - 1));
    std::iota(inner.begin(), inner.end(), 1);
    norms.push_back(inner.empty() ? at::linalg_vector_norm(tensor, 2).reshape({1})
                                  : at::linalg_vector_norm(tensor, 2, inner));
  }
  return torch::cat(norms);
}

}  // namespace

double norm_clip_factor(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

AdaptiveClip::AdaptiveClip(const NamedTensors& parameters,
                           const std::vector<torch::Tensor>& gradients, double factor)
    : factor_(factor) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    if (is_of_heads(name)) continue;
    weights_.push_back(parameter.detach());
    gradients_.push_back(gradients[i]);
    units_.push_back(parameter.dim() <= 1 ? 1 : parameter.size(0));
  }
}

void AdaptiveClip::clip(double gradient_factor) {
  if (weights_.empty()) return;
  const torch::NoGradGuard no_grad;
  const torch::Tensor most = unit_norms(weights_).clamp_min_(kLeastWeight).mul_(factor_);
  const torch::Tensor norms = unit_norms(gradients_).mul_(gradient_factor);
  const torch::Tensor scale =
      torch::where(norms < most, torch::ones_like(norms), most / norms.clamp_min(kLeastGradient));
  std::vector<torch::Tensor> factors = scale.split_with_sizes(units_);
  for (size_t i = 0; i < factors.size(); ++i) {
    std::vector<int64_t> shape(static_cast<size_t>(weights_[i].dim()), 1);
    if (weights_[i].dim() > 1) shape[0] = units_[i];
    factors[i] = factors[i].reshape(shape);
  }
  at::_foreach_mul_(gradients_, factors);
}

}  // namespace catamaran
