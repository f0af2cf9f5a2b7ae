#include "trainer/parameter_arena.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "support/assert.h"

namespace catamaran {
ParameterArena::ParameterArena(std::vector<torch::Tensor> parameters, ArenaLayout layout,
                               Communicator& communicator, const torch::Device& device)
    : parameters_(std::move(parameters)),
      layout_(std::move(layout)),
      values_(torch::zeros({layout_.elements},
                           torch::TensorOptions().dtype(torch::kFloat32).device(device))),
      gradients_(exchange_tensor(communicator, layout_.elements, torch::kFloat32, device)),
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

ArenaContents contents_of(const std::vector<torch::Tensor>& parameters,
                          std::vector<size_t> groups) {
  ArenaContents contents{.elements = {}, .group = std::move(groups), .order = {}, .unused = 0};
  for (const torch::Tensor& parameter : parameters) contents.elements.push_back(parameter.numel());
  contents.order.resize(parameters.size());
  std::iota(contents.order.rbegin(), contents.order.rend(), size_t{0});
  return contents;
}

torch::Tensor exchange_tensor(Communicator& communicator, int64_t elements, at::ScalarType type,
                              const torch::Device& device) {
  const auto bytes = elements * static_cast<int64_t>(at::elementSize(type));
  std::shared_ptr<ExchangeMemory> memory = communicator.allocate(std::max<int64_t>(bytes, 1));
  void* const data = memory->data();
  torch::Tensor tensor = torch::from_blob(
      data, {elements}, [memory = std::move(memory)](void*) {},
      torch::TensorOptions().dtype(type).device(device));
  return tensor.zero_();
}

}  // namespace catamaran
