#include "model/fused_convolution.h"

#include <string>
#include <utility>
#include <vector>

#include "model/onednn.h"

namespace catamaran {
namespace {

using OptionalScalars = c10::List<std::optional<at::Scalar>>;

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

}  // namespace

FusedConvolution::Geometry FusedConvolution::geometry_of(const torch::nn::Conv2dImpl& conv,
                                                         const torch::Tensor& x_BCHW) const {
  if (padding_ == PaddingRule::kOfConvolution)
    return {{0, 0}, *std::get<torch::ExpandingArray<2>>(conv.options.padding())};
  const auto [before, after] = same_padding(conv, x_BCHW);
  return {{after[0] - before[0], after[1] - before[1]}, after};
}

const torch::Tensor& FusedConvolution::packed_weight(const torch::nn::Conv2dImpl& conv,
                                                     const Geometry& geometry,
                                                     torch::IntArrayRef input_size) {
  static const std::optional<c10::OperatorHandle> reorder =
      onednn::find_operator("mkldnn::_reorder_convolution_weight", "");
  if (packed_weight_.defined() && packed_for_ == geometry) return packed_weight_;
  const auto [rows, columns] = geometry.before_kernel;
  packed_for_ = geometry;
  packed_weight_ = rows == 0 && columns == 0
                       ? conv.weight
                       : torch::constant_pad_nd(conv.weight, {columns, 0, rows, 0}, 0);
  if (!reorder) return packed_weight_;
  torch::jit::Stack stack = {packed_weight_};
  push_geometry(stack, conv, geometry);
  stack.emplace_back(input_size.vec());
  return packed_weight_ = onednn::call(*reorder, std::move(stack));
}

// Padding, stride, dilation, groups: the order in which all three operators take them.
void FusedConvolution::push_geometry(torch::jit::Stack& stack, const torch::nn::Conv2dImpl& conv,
                                     const Geometry& geometry) {
  const auto vector_of = [](at::IntArrayRef values) { return values.vec(); };
  stack.emplace_back(vector_of(geometry.around_map));
  stack.emplace_back(vector_of(*conv.options.stride()));
  stack.emplace_back(vector_of(*conv.options.dilation()));
  stack.emplace_back(conv.options.groups());
}

std::optional<torch::Tensor> FusedConvolution::forward(const torch::nn::Conv2dImpl& conv,
                                                       const torch::Tensor& map_BCHW,
                                                       const torch::Tensor& residual_BCHW,
                                                       Activation activation) {
  static const std::optional<c10::OperatorHandle> unary =
      onednn::find_operator("mkldnn::_convolution_pointwise", "");
  static const std::optional<c10::OperatorHandle> binary =
      onednn::find_operator("mkldnn::_convolution_pointwise", "binary");
  const bool adds = residual_BCHW.defined();
  if (!unary || !binary || !conv.bias.defined() || !onednn::applies(map_BCHW, conv.weight))
    return std::nullopt;
  if (adds && activation == Activation::kRelu6) return std::nullopt;

  // Of a dense convolution the longer kernel costs more than the copy.
  const bool copies = padding_ == PaddingRule::kTensorFlowSame && conv.options.groups() == 1;
  const torch::Tensor x_BCHW = copies ? pad(map_BCHW, same_padding(conv, map_BCHW)) : map_BCHW;
  const Geometry geometry = copies ? Geometry{} : geometry_of(conv, x_BCHW);
  const c10::IValue nothing;
  OptionalScalars scalars;
  torch::jit::Stack stack = {x_BCHW};
  if (adds) stack.emplace_back(residual_BCHW);
  stack.emplace_back(packed_weight(conv, geometry, x_BCHW.sizes()));
  stack.emplace_back(conv.bias);
  push_geometry(stack, conv, geometry);
  if (adds) {
    stack.emplace_back(std::string("add"));
    stack.emplace_back(nothing);  // alpha
    stack.push_back(activation == Activation::kRelu ? c10::IValue("relu") : nothing);
    stack.emplace_back(scalars);
    stack.emplace_back(nothing);  // algorithm
    return onednn::call(*binary, std::move(stack));
  }
  stack.emplace_back(attribute_of(activation));
  if (activation == Activation::kRelu6) {
    scalars.push_back(at::Scalar(0.0));
    scalars.push_back(at::Scalar(6.0));
  }
  stack.emplace_back(scalars);
  stack.emplace_back(std::string());  // algorithm
  return onednn::call(*unary, std::move(stack));
}

}  // namespace catamaran
