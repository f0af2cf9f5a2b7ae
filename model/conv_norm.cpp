#include "model/conv_norm.h"

#include <utility>

#include "support/assert.h"

namespace catamaran {
namespace {

// In place: the tensor is fresh, and neither convolution nor batch norm keeps its output.
torch::Tensor activate(torch::Tensor y_BCHW, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return y_BCHW.relu_();
    case Activation::kRelu6:
      return torch::hardtanh_(y_BCHW, 0, 6);
    case Activation::kNone:
      break;
  }
  return y_BCHW;
}

}  // namespace

ConvNorm::ConvNorm(torch::nn::Conv2d conv, torch::nn::BatchNorm2d norm, Activation activation,
                   PaddingRule padding)
    : conv_(std::move(conv)),
      norm_(std::move(norm)),
      activation_(activation),
      padding_(padding),
      packed_(padding) {}

torch::Tensor ConvNorm::forward(const torch::Tensor& x_BCHW) { return forward(x_BCHW, {}); }

torch::Tensor ConvNorm::forward(const torch::Tensor& x_BCHW, const torch::Tensor& residual_BCHW) {
  if (folded()) {
    if (const auto y_BCHW = packed_.forward(*conv_, x_BCHW, residual_BCHW, activation_))
      return *y_BCHW;
  }
  const bool same = padding_ == PaddingRule::kTensorFlowSame;
  torch::Tensor y_BCHW = conv_->forward(same ? pad(x_BCHW, same_padding(*conv_, x_BCHW)) : x_BCHW);
  if (!folded()) y_BCHW = normalised(y_BCHW);
  if (residual_BCHW.defined()) y_BCHW.add_(residual_BCHW);
  return activate(y_BCHW, activation_);
}

torch::Tensor ConvNorm::normalised(const torch::Tensor& x_BCHW) {
  const bool shared = exchange_.defined() && norm_->is_training();
  return shared ? sync_batch_norm(x_BCHW, *norm_, exchange_) : norm_->forward(x_BCHW);
}

void ConvNorm::fold() {
  CATAMARAN_ASSERT(!folded(), "a pair is folded once");
  CATAMARAN_ASSERT(!norm_->is_training(), "folding uses the running statistics of eval mode");
  const torch::NoGradGuard no_grad;
  const auto fp64 = [](const torch::Tensor& tensor) { return tensor.to(torch::kFloat64); };
  const torch::Tensor scale_C =
      fp64(norm_->weight) / (fp64(norm_->running_var) + norm_->options.eps()).sqrt();
  const torch::Tensor weight = fp64(conv_->weight) * scale_C.view({-1, 1, 1, 1});
  const torch::Tensor bias_C = fp64(norm_->bias) - fp64(norm_->running_mean) * scale_C;

  torch::nn::Conv2dOptions options(conv_->options.in_channels(), conv_->options.out_channels(),
                                   conv_->options.kernel_size());
  options.stride(conv_->options.stride())
      .padding(conv_->options.padding())
      .groups(conv_->options.groups());
  torch::nn::Conv2d folded(options);
  folded->weight.set_data(weight.to(conv_->weight.scalar_type(), /*non_blocking=*/false,
                                    /*copy=*/false, at::MemoryFormat::ChannelsLast));
  folded->bias.set_data(bias_C.to(conv_->weight.scalar_type()));
  folded->weight.set_requires_grad(false);
  folded->bias.set_requires_grad(false);
  folded->eval();
  conv_ = folded;
  norm_ = nullptr;
}

ConvNormPtr ConvNormOwner::add(const std::string& conv_name, const std::string& norm_name,
                               torch::nn::Conv2dOptions options, double norm_eps,
                               Activation activation, PaddingRule padding) {
  if (padding == PaddingRule::kTensorFlowSame) {
    const auto& own = std::get<torch::ExpandingArray<2>>(options.padding());
    CATAMARAN_ASSERT(own->at(0) == 0 && own->at(1) == 0, "one of the two rules pads");
    CATAMARAN_ASSERT(options.dilation()->at(0) == 1 && options.dilation()->at(1) == 1,
                     "the padding is that of a kernel without holes");
  }
  const torch::nn::Conv2d conv = register_module(conv_name, torch::nn::Conv2d(options.bias(false)));
  const torch::nn::BatchNorm2d norm = register_module(
      norm_name,
      torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(options.out_channels()).eps(norm_eps)));
  pairs_.push_back(
      {conv_name, norm_name, std::make_shared<ConvNorm>(conv, norm, activation, padding)});
  return pairs_.back().pair;
}

void ConvNormOwner::share_statistics(const StatisticsExchangePtr& exchange) {
  for (const Named& each : pairs_) each.pair->share_statistics(exchange);
}

int64_t ConvNormOwner::fold_batch_norms() {
  for (const Named& each : pairs_) {
    each.pair->fold();
    replace_module(each.conv_name, each.pair->conv());
    unregister_module(each.norm_name);
  }
  return static_cast<int64_t>(pairs_.size());
}

}  // namespace catamaran
