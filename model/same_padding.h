// TensorFlow's 'SAME' padding of a strided convolution: ceil(side / stride) outputs, the smaller
// half of the padding first. So at stride 2 a kernel of 3 gives an even side no zero before it and
// one behind it, where LibTorch's symmetric padding would begin with one. EfficientNet's ported
// weights need it.
//
//   const SamePadding padding = same_padding(*conv, x_BCHW);
//   y = conv(pad(x_BCHW, padding));                        // conv itself pads nothing
//
// Thread-safe.
#pragma once

#include <torch/torch.h>

#include <array>

namespace catamaran {

// Who pads the input of a convolution: its own options, or this rule instead of them.
enum class PaddingRule { kOfConvolution, kTensorFlowSame };

struct SamePadding {
  std::array<int64_t, 2> before;  // rows, columns
  std::array<int64_t, 2> after;   // as many or one more
};

SamePadding same_padding(const torch::nn::Conv2dImpl& conv, const torch::Tensor& x_BCHW);
// With zeros around it; the map itself where there are none to add.
torch::Tensor pad(const torch::Tensor& x_BCHW, const SamePadding& padding);

}  // namespace catamaran
