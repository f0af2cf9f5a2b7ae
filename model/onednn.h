// LibTorch's fused oneDNN operators, for inference on CPUs. They are those of its own compiler and
// have no C++ functions, so they are called by schema; a LibTorch without them has none.
//
//   static const std::optional<c10::OperatorHandle> linear =
//       onednn::find_operator("mkldnn::_linear_pointwise", "");
//   if (linear && onednn::applies(x, weight)) y = onednn::call(*linear, {x, weight, ...});
//
// Thread-safe.
#pragma once

#include <torch/torch.h>

#include <optional>

namespace catamaran::onednn {

std::optional<c10::OperatorHandle> find_operator(const char* name, const char* overload);
torch::Tensor call(const c10::OperatorHandle& op, torch::jit::Stack arguments);

// fp32 on a CPU, and neither gradients nor autocast wanted.
bool applies(const torch::Tensor& x, const torch::Tensor& weight);

}  // namespace catamaran::onednn
