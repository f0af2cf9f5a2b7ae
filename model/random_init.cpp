#include "model/random_init.h"

#include <cmath>

namespace catamaran {

void fill_normal(torch::Tensor& weight, double std, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  weight.copy_(torch::empty(weight.sizes(), torch::kFloat32).normal_(0, std, generator));
}

void fill_uniform(torch::Tensor& weight, double bound, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  weight.copy_(torch::empty(weight.sizes(), torch::kFloat32).uniform_(-bound, bound, generator));
}

void he_normal(torch::nn::Conv2dImpl& conv, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor& w = conv.weight;
  const double fan_out = static_cast<double>(w.size(0) * w.size(2) * w.size(3)) /
                         static_cast<double>(conv.options.groups());
  fill_normal(conv.weight, std::sqrt(2.0 / fan_out), generator);
  if (conv.bias.defined()) conv.bias.zero_();
}

void lecun_normal(torch::nn::Conv2dImpl& conv, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  fill_normal(conv.weight, std::sqrt(1.0 / static_cast<double>(conv.weight[0].numel())), generator);
  if (conv.bias.defined()) conv.bias.zero_();
}

void lecun_normal(torch::nn::ConvTranspose2dImpl& conv, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  // Kernel and stride are equal: behind each output there is one cell of the input.
  fill_normal(conv.weight, std::sqrt(1.0 / static_cast<double>(conv.weight.size(0))), generator);
  conv.bias.zero_();
}

void glorot_uniform(torch::nn::LinearImpl& linear, const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  const auto fans = static_cast<double>(linear.weight.size(0) + linear.weight.size(1));
  fill_uniform(linear.weight, std::sqrt(6.0 / fans), generator);
  linear.bias.zero_();
}

}  // namespace catamaran
