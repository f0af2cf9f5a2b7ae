// A convolution that takes in the addition of what comes from elsewhere. For inference on CPUs,
// when packed (model/pack_weights.h), in one pass (model/fused_convolution.h); else step by step.
//
//   FusedConv2d conv(torch::nn::Conv2dOptions(in, out, 1));   // parameters of torch::nn::Conv2d
//   y_BCHW = conv->forward_plus(x_BCHW, residual_BCHW);       // conv(x) + residual
//
// Only the thread that runs the model.
#pragma once

#include <torch/torch.h>

#include "model/fused_convolution.h"
#include "model/packable.h"

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
  std::optional<FusedConvolution> fused_;  // when packed
};
TORCH_MODULE(FusedConv2d);

}  // namespace catamaran
