// LibTorch's fused oneDNN operators, for inference on CPUs. They are those of its own compiler and
// have no C++ functions, so they are called by schema.
//
//   static const std::optional<c10::OperatorHandle> linear =
//       onednn::find_operator("mkldnn::_linear_pointwise", "", 6);
//   if (linear && onednn::applies(x, weight)) y = onednn::call(*linear, {x, weight, ...});
//
// Thread-safe.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

#include <cstddef>
#include <optional>

namespace catamaran::onednn {

// Empty when this LibTorch has none of this name with as many arguments.
std::optional<c10::OperatorHandle> find_operator(const char* name, const char* overload,
                                                 size_t arguments);
torch::Tensor call(const c10::OperatorHandle& op, torch::jit::Stack arguments);

// fp32 on a CPU, neither gradients nor autocast wanted, and oneDNN not turned off.
bool applies(const torch::Tensor& x, const torch::Tensor& weight);

}  // namespace catamaran::onednn
