// A linear layer that takes in what follows it: GELU, or the addition of a residual. For inference
// on CPUs, when packed (model/pack_weights.h), all in one pass through oneDNN; else step by step.
//
//   FusedLinear linear(in, out);                 // parameters and names of torch::nn::Linear
//   y_BQE = linear->forward_gelu(x_BQD);         // GELU(x W^T + b)
//   z_BQE = linear->forward_plus(y_BQE, r_BQE);  // r + (y W^T + b)
//
// Packed, the first call's number of rows decides the order of the weight; other numbers work too.
// Only the thread that owns the model.
#pragma once

#include <torch/torch.h>

#include "model/packable.h"

namespace catamaran {

class FusedLinearImpl : public torch::nn::LinearImpl, public Packable {
 public:
  FusedLinearImpl(int64_t in, int64_t out);

  torch::Tensor forward(const torch::Tensor& x);
  torch::Tensor forward_gelu(const torch::Tensor& x);
  // residual: of the output's shape.
  torch::Tensor forward_plus(const torch::Tensor& x, const torch::Tensor& residual);

  void pack() override;
  void train(bool on = true) override;

 private:
  bool applies(const torch::Tensor& x) const;
  const torch::Tensor& packed_weight(const torch::Tensor& x);
  torch::Tensor fused(const torch::Tensor& x, const char* activation);

  bool packs_ = false;
  torch::Tensor packed_weight_;  // undefined before the first call; opaque
};
TORCH_MODULE(FusedLinear);

}  // namespace catamaran
