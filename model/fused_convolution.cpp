#include "model/fused_convolution.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <string>
#include <utility>
#include <vector>

namespace catamaran {
namespace {

using OptionalScalars = c10::List<std::optional<at::Scalar>>;

bool can_be_fused(const torch::nn::Conv2dImpl& conv, const torch::Tensor& x_BCHW) {
  return x_BCHW.device().is_cpu() && x_BCHW.scalar_type() == torch::kFloat32 &&
         conv.weight.scalar_type() == torch::kFloat32 && conv.bias.defined() &&
         !at::GradMode::is_enabled() && !at::autocast::is_autocast_enabled(at::kCPU) &&
         at::globalContext().userEnabledMkldnn();
}

std::string attribute_of(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return "relu";
    case Activation::kRelu6:
      return "hardtanh";
    case Activation::kNone:
      break;
  }
  return "none";
}

// The operator of LibTorch's own compiler; it has no C++ function, so it is called by its schema.
std::optional<c10::OperatorHandle> operator_named(const char* overload) {
  return c10::Dispatcher::singleton().findSchema({"mkldnn::_convolution_pointwise", overload});
}

void push_geometry(torch::jit::Stack& stack, const torch::nn::Conv2dImpl& conv) {
  const auto vector_of = [](at::IntArrayRef values) { return values.vec(); };
  const auto& padding = std::get<torch::ExpandingArray<2>>(conv.options.padding());
  stack.emplace_back(conv.weight);
  stack.emplace_back(conv.bias);
  stack.emplace_back(vector_of(*padding));
  stack.emplace_back(vector_of(*conv.options.stride()));
  stack.emplace_back(vector_of(*conv.options.dilation()));
  stack.emplace_back(conv.options.groups());
}

torch::Tensor call_operator(const c10::OperatorHandle& op, torch::jit::Stack stack) {
  op.callBoxed(stack);
  return std::move(stack.front()).toTensor();
}

}  // namespace

std::optional<torch::Tensor> fused_convolution(const torch::nn::Conv2dImpl& conv,
                                               const torch::Tensor& x_BCHW,
                                               const torch::Tensor& residual_BCHW,
                                               Activation activation) {
  static const std::optional<c10::OperatorHandle> unary = operator_named("");
  static const std::optional<c10::OperatorHandle> binary = operator_named("binary");
  if (!unary || !binary || !can_be_fused(conv, x_BCHW)) return std::nullopt;
  const c10::IValue nothing;
  torch::jit::Stack stack = {x_BCHW};
  OptionalScalars scalars;
  if (!residual_BCHW.defined()) {
    push_geometry(stack, conv);
    stack.emplace_back(attribute_of(activation));
    if (activation == Activation::kRelu6) {
      scalars.push_back(at::Scalar(0.0));
      scalars.push_back(at::Scalar(6.0));
    }
    stack.emplace_back(scalars);
    stack.emplace_back(std::string());  // algorithm
    return call_operator(*unary, std::move(stack));
  }
  if (activation == Activation::kRelu6) return std::nullopt;
  stack.emplace_back(residual_BCHW);
  push_geometry(stack, conv);
  stack.emplace_back(std::string("add"));
  stack.emplace_back(nothing);  // alpha
  stack.push_back(activation == Activation::kRelu ? c10::IValue("relu") : nothing);
  stack.emplace_back(scalars);
  stack.emplace_back(nothing);  // algorithm
  return call_operator(*binary, std::move(stack));
}

}  // namespace catamaran
