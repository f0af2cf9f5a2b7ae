#include "trainer/parameter_arena.h"

#include <utility>

#include "support/assert.h"

namespace catamaran {
namespace {

torch::Tensor zeros_on(const torch::Device& device, int64_t elements) {
  return torch::zeros({elements}, torch::TensorOptions().dtype(torch::kFloat32).device(device));
}

}  // namespace

ParameterArena::ParameterArena(std::vector<torch::Tensor> parameters, ArenaLayout layout,
                               Communicator& /*communicator*/, const torch::Device& device)
    : parameters_(std::move(parameters)),
      layout_(std::move(layout)),
      values_(zeros_on(device, layout_.elements)),
      gradients_(zeros_on(device, layout_.elements)),
      gradient_views_(views(gradients_)) {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> places = views(values_);
  for (size_t p = 0; p < parameters_.size(); ++p) {
    places[p].copy_(parameters_[p]);
    parameters_[p].set_data(places[p]);
  }
}

torch::Tensor ParameterArena::zeros() const { return torch::zeros_like(values_); }

std::vector<torch::Tensor> ParameterArena::views(const torch::Tensor& flat) const {
  CATAMARAN_ASSERT(flat.numel() == layout_.elements, "the memory has this layout");
  std::vector<torch::Tensor> views;
  for (size_t p = 0; p < parameters_.size(); ++p) {
    const torch::Tensor& parameter = parameters_[p];
    CATAMARAN_ASSERT(parameter.is_non_overlapping_and_dense(),
                     "weights are dense, contiguous or channels-last");
    views.push_back(
        flat.as_strided(parameter.sizes(), parameter.strides(), layout_.slots[p].begin));
  }
  return views;
}

}  // namespace catamaran
