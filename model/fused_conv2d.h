// A convolution that takes in the addition of what comes from elsewhere. For inference on CPUs,
// when packed (model/pack_weights.h), in one pass (model/packed_convolution.h); else step by step.
//
//   FusedConv2d conv(torch::nn::Conv2dOptions(in, out, 1));   // parameters of torch::nn::Conv2d
//   y_BCHW = conv->forward_plus(x_BCHW, residual_BCHW);       // conv(x) + residual
//
// Padding is by zeros, their number given. Only the thread that owns the model.
#pragma once

#include <torch/torch.h>

#include <optional>

#include "model/packable.h"
#include "model/packed_convolution.h"

namespace catamaran {

class FusedConv2dImpl : public torch::nn::Conv2dImpl, public Packable {
 public:
  explicit FusedConv2dImpl(const torch::nn::Conv2dOptions& options);

  torch::Tensor forward(const torch::Tensor& x_BCHW);
  // residual: of the output's shape.
  torch::Tensor forward_plus(const torch::Tensor& x_BCHW, const torch::Tensor& residual_BCHW);

  void pack() override;
  void train(bool on = true) override;

 private:
  // Empty where it is not packed, or packing does not apply.
  std::optional<torch::Tensor> in_one_pass(const torch::Tensor& x_BCHW,
                                           const torch::Tensor& residual_BCHW);

  std::optional<PackedConvolution> packed_;
};
TORCH_MODULE(FusedConv2d);

}  // namespace catamaran
