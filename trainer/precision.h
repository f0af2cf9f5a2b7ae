// Precision: the type in which the model's forward computes. Weights, gradients, losses, norms,
// softmax and the heads' logits stay fp32 (model/autocast.h says where).
//
//   const Precision precision("bf16", device);                 // fp32, bf16, fp16
//   const CatOutput out = precision.forward(*cat, x_BCHW);
//
// UsageError for another name. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <string>

#include "model/cat.h"

namespace catamaran {

class Precision {
 public:
  Precision(const std::string& compute, const torch::Device& device);
  CatOutput forward(CatImpl& cat, const torch::Tensor& x_BCHW) const;

 private:
  at::ScalarType compute_;
  at::DeviceType device_;
};

}  // namespace catamaran
