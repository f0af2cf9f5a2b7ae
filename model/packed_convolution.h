// A convolution with bias, an addition and an activation in one pass over memory, for inference on
// CPUs: oneDNN applies them while its result is still in cache, and reads the weight in its own
// order, into which it is brought once and not at every call.
//
//   PackedConvolution packed(PaddingRule::kOfConvolution);  // of one convolution, always the same
//   if (std::optional<torch::Tensor> y = packed.forward(*conv, x_BCHW, residual, activation))
//     return *y;
//
// Empty where it does not apply, so that the caller does the steps one by one: gradients wanted,
// autocast on, another device or type than fp32 on a CPU, LibTorch without oneDNN or told not to
// use it, no bias, a residual with ReLU6. residual: undefined for none; of the output's shape. The
// weight must not change after the first call, whose map size decides its order; other sizes work
// too. Its copy takes as many bytes again. Errors: std::logic_error (CATAMARAN_ASSERT) for another
// convolution's weight. Only the thread that owns the model.
//
// Uneven padding of a depthwise convolution needs no padded copy of the map: its kernel gets a row
// and a column of zeros in front, and the map the larger half on both sides, which is even.
#pragma once

#include <torch/torch.h>

#include <array>
#include <optional>

#include "model/activation.h"
#include "model/same_padding.h"

namespace catamaran {

class PackedConvolution {
 public:
  explicit PackedConvolution(PaddingRule padding) : padding_(padding) {}

  std::optional<torch::Tensor> forward(const torch::nn::Conv2dImpl& conv,
                                       const torch::Tensor& x_BCHW,
                                       const torch::Tensor& residual_BCHW, Activation activation);

 private:
  // Zeros before the kernel and on both sides of the map: rows, columns.
  struct Geometry {
    std::array<int64_t, 2> before_kernel;
    std::array<int64_t, 2> around_map;
    bool operator==(const Geometry&) const = default;
  };

  Geometry geometry_of(const torch::nn::Conv2dImpl& conv, const torch::Tensor& x_BCHW) const;
  const torch::Tensor& weight_of(const torch::nn::Conv2dImpl& conv, const Geometry& geometry,
                                 torch::IntArrayRef input_size);

  PaddingRule padding_;
  torch::Tensor packed_from_;    // undefined before the first call
  torch::Tensor packed_weight_;  // opaque
  Geometry packed_for_{};
};

}  // namespace catamaran
