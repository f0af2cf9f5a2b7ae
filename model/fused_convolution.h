// A convolution with bias, an addition and an activation in one pass over memory, for inference on
// CPUs: oneDNN applies them while its result is still in cache.
//
//   if (std::optional<torch::Tensor> y = fused_convolution(*conv, x_BCHW, residual, activation))
//     return *y;
//
// Empty where it does not apply, so that the caller does the steps one by one: gradients wanted,
// autocast on, another device or type than fp32 on a CPU, LibTorch without oneDNN, a residual with
// ReLU6. residual: undefined for none; of the output's shape. Thread-safe.
#pragma once

#include <torch/torch.h>

#include <optional>

#include "model/activation.h"

namespace catamaran {

std::optional<torch::Tensor> fused_convolution(const torch::nn::Conv2dImpl& conv,
                                               const torch::Tensor& x_BCHW,
                                               const torch::Tensor& residual_BCHW,
                                               Activation activation);

}  // namespace catamaran
