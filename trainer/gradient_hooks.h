// GradientHooks: calls back whenever backward has finished a parameter's gradient, takes the
// gradient and frees it, so that the parameters' .grad stays undefined.
//
//   const GradientHooks hooks(parameters, [&](size_t p, const torch::Tensor& gradient) { ... });
//
// The hooks are gone when it is. The callback runs in autograd's threads, of which there may be
// several (one a device), and without recording for autograd. A parameter has one such hook at
// most: the newest. Only the thread that runs the step loop makes and destroys it.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace catamaran {

class GradientHooks {
 public:
  using Callback = std::function<void(size_t parameter, const torch::Tensor& gradient)>;

  GradientHooks(std::vector<torch::Tensor> parameters, Callback callback);
  GradientHooks(const GradientHooks&) = delete;
  GradientHooks& operator=(const GradientHooks&) = delete;
  ~GradientHooks();

 private:
  class Hook;

  std::vector<torch::Tensor> parameters_;
  Callback callback_;
};

}  // namespace catamaran
