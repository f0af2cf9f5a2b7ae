// Autocast: while it lives, torch computes convolutions, linear layers and attention of a device
// type in `compute` (bf16 or fp16); fp32 switches autocast off. What held before is restored at its
// end, also when an exception passes.
//
//   { const Autocast bf16(torch::kCPU, torch::kBFloat16);
//     y = cat->forward(x); }                                  // weights stay fp32
//   { const Autocast off(x.device().type(), torch::kFloat32); // inside: what must be fp32
//     z = fc(x.to(torch::kFloat32)); }
//
// Parts of the model that must not be rounded switch it off or widen their input themselves:
// LayerNorm (attention.cpp, convnext.cpp) and position encoding (attention.cpp), class maps, their
// pooling and fusion (heads.cpp). Batch norm keeps fp32 parameters and statistics and computes in
// fp32 on 16-bit input; attention takes its softmax in fp32. State of the calling thread.
#pragma once

#include <torch/torch.h>

namespace catamaran {

class Autocast {
 public:
  Autocast(at::DeviceType device, at::ScalarType compute);
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast();

 private:
  at::DeviceType device_;
  bool was_on_;
  at::ScalarType was_type_;
};

// 16-bit tensors as fp32, others as they are.
torch::Tensor widened(const torch::Tensor& x);

}  // namespace catamaran
