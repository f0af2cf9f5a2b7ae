// LibTorch's fused oneDNN operators, for inference on CPUs. They are those of its own compiler and
// have no C++ functions, so they are called by schema.
//
//   static const std::optional<onednn::Operators> linear = onednn::find_operators(
//       {"mkldnn::_linear_pointwise", "", 6}, {...}, {...});
//   if (linear && onednn::applies(x, weight)) y = onednn::call(linear->unary, {x, weight, ...});
//
// Thread-safe.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

#include <cstddef>
#include <optional>

namespace catamaran::onednn {

// Of one kind of layer.
struct Operators {
  c10::OperatorHandle unary;    // with an activation
  c10::OperatorHandle binary;   // with an addition
  c10::OperatorHandle reorder;  // the weight into the order in which they read it
};
struct OperatorName {
  const char* name;
  const char* overload;
  size_t arguments;
};
// Empty when this LibTorch lacks one of these names with as many arguments.
std::optional<Operators> find_operators(const OperatorName& unary, const OperatorName& binary,
                                        const OperatorName& reorder);
torch::Tensor call(const c10::OperatorHandle& op, torch::jit::Stack arguments);

// fp32 on a CPU, neither gradients nor autocast wanted, and oneDNN not turned off.
bool applies(const torch::Tensor& x, const torch::Tensor& weight);

}  // namespace catamaran::onednn
