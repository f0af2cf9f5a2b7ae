#include "trainer/gradient_hooks.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <utility>

namespace catamaran {

class GradientHooks::Hook : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(const Callback& callback, size_t parameter) : callback_(callback), parameter_(parameter) {}
  void operator()(const torch::autograd::Variable& variable) override {
    const torch::NoGradGuard no_grad;
    torch::Tensor same = variable;  // a handle that may be written to
    callback_(parameter_, same.mutable_grad());
    same.mutable_grad().reset();
  }

 private:
  const Callback& callback_;
  size_t parameter_;
};

GradientHooks::GradientHooks(std::vector<torch::Tensor> parameters, Callback callback)
    : parameters_(std::move(parameters)), callback_(std::move(callback)) {
  for (size_t p = 0; p < parameters_.size(); ++p) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameters_[p],
                                                   std::make_unique<Hook>(callback_, p));
  }
}

GradientHooks::~GradientHooks() {
  for (torch::Tensor& parameter : parameters_)
    torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
}

}  // namespace catamaran
