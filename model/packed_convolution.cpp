#include "model/packed_convolution.h"

#include <string>
#include <utility>
#include <vector>

#include "model/onednn.h"
#include "support/assert.h"

namespace catamaran {
namespace {

using OptionalScalars = c10::List<std::optional<at::Scalar>>;

const std::optional<onednn::Operators>& operators() {
  static const std::optional<onednn::Operators> found = onednn::find_operators(
      {"mkldnn::_convolution_pointwise", "", 10}, {"mkldnn::_convolution_pointwise", "binary", 13},
      {"mkldnn::_reorder_convolution_weight", "", 6});
  return found;
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

// Padding, stride, dilation, groups: the order in which all three operators take them.
void push_geometry(torch::jit::Stack& stack, const torch::nn::Conv2dImpl& conv,
                   torch::IntArrayRef padding) {
  stack.emplace_back(padding.vec());
  stack.emplace_back(torch::IntArrayRef(*conv.options.stride()).vec());
  stack.emplace_back(torch::IntArrayRef(*conv.options.dilation()).vec());
  stack.emplace_back(conv.options.groups());
}

}  // namespace

PackedConvolution::Geometry PackedConvolution::geometry_of(const torch::nn::Conv2dImpl& conv,
                                                           const torch::Tensor& x_BCHW) const {
  if (padding_ == PaddingRule::kOfConvolution)
    return {{0, 0}, *std::get<torch::ExpandingArray<2>>(conv.options.padding())};
  const auto [before, after] = same_padding(conv, x_BCHW);
  return {{after[0] - before[0], after[1] - before[1]}, after};
}

const torch::Tensor& PackedConvolution::weight_of(const torch::nn::Conv2dImpl& conv,
                                                  const Geometry& geometry,
                                                  torch::IntArrayRef input_size) {
  if (packed_from_.defined()) {
    CATAMARAN_ASSERT(packed_from_.is_same(conv.weight), "the weight of one convolution is packed");
    if (packed_for_ == geometry) return packed_weight_;
  }
  const auto [rows, columns] = geometry.before_kernel;
  torch::jit::Stack stack = {rows == 0 && columns == 0
                                 ? conv.weight
                                 : torch::constant_pad_nd(conv.weight, {columns, 0, rows, 0}, 0)};
  push_geometry(stack, conv, geometry.around_map);
  stack.emplace_back(input_size.vec());
  packed_weight_ = onednn::call(operators()->reorder, std::move(stack));
  packed_from_ = conv.weight;
  packed_for_ = geometry;
  return packed_weight_;
}

std::optional<torch::Tensor> PackedConvolution::forward(const torch::nn::Conv2dImpl& conv,
                                                        const torch::Tensor& map_BCHW,
                                                        const torch::Tensor& residual_BCHW,
                                                        Activation activation) {
  const bool adds = residual_BCHW.defined();
  if (!operators() || !conv.bias.defined() || !onednn::applies(map_BCHW, conv.weight))
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
  stack.emplace_back(weight_of(conv, geometry, x_BCHW.sizes()));
  stack.emplace_back(conv.bias);
  push_geometry(stack, conv, geometry.around_map);
  if (adds) {
    stack.emplace_back(std::string("add"));
    stack.emplace_back(nothing);  // alpha
    stack.push_back(activation == Activation::kRelu ? c10::IValue("relu") : nothing);
    stack.emplace_back(scalars);
    stack.emplace_back(nothing);  // algorithm
    return onednn::call(operators()->binary, std::move(stack));
  }
  stack.emplace_back(attribute_of(activation));
  if (activation == Activation::kRelu6) {
    scalars.push_back(at::Scalar(0.0));
    scalars.push_back(at::Scalar(6.0));
  }
  stack.emplace_back(scalars);
  stack.emplace_back(std::string());  // algorithm
  return onednn::call(operators()->unary, std::move(stack));
}

}  // namespace catamaran
