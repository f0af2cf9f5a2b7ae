#include "model/fused_conv2d.h"

namespace catamaran {

FusedConv2dImpl::FusedConv2dImpl(const torch::nn::Conv2dOptions& options)
    : torch::nn::Conv2dImpl(options) {}

void FusedConv2dImpl::pack() { packed_.emplace(PaddingRule::kOfConvolution); }

void FusedConv2dImpl::train(bool on) {
  torch::nn::Conv2dImpl::train(on);
  if (on) packed_.reset();
}

std::optional<torch::Tensor> FusedConv2dImpl::in_one_pass(const torch::Tensor& x_BCHW,
                                                          const torch::Tensor& residual_BCHW) {
  if (!packed_) return std::nullopt;
  return packed_->forward(*this, x_BCHW, residual_BCHW, Activation::kNone);
}

torch::Tensor FusedConv2dImpl::forward(const torch::Tensor& x_BCHW) {
  if (const auto y_BCHW = in_one_pass(x_BCHW, {})) return *y_BCHW;
  return torch::nn::Conv2dImpl::forward(x_BCHW);
}

torch::Tensor FusedConv2dImpl::forward_plus(const torch::Tensor& x_BCHW,
                                            const torch::Tensor& residual_BCHW) {
  if (const auto y_BCHW = in_one_pass(x_BCHW, residual_BCHW)) return *y_BCHW;
  return torch::nn::Conv2dImpl::forward(x_BCHW) + residual_BCHW;
}

}  // namespace catamaran
