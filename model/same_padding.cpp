#include "model/same_padding.h"

#include <algorithm>

namespace catamaran {

SamePadding same_padding(const torch::nn::Conv2dImpl& conv, const torch::Tensor& x_BCHW) {
  SamePadding padding{};
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t side = x_BCHW.size(static_cast<int64_t>(axis) + 2);
    const int64_t stride = conv.options.stride()->at(axis);
    const int64_t last = ((side + stride - 1) / stride - 1) * stride;  // where its window begins
    const int64_t zeros = std::max<int64_t>(0, last + conv.options.kernel_size()->at(axis) - side);
    padding.before[axis] = zeros / 2;
    padding.after[axis] = zeros - zeros / 2;
  }
  return padding;
}

torch::Tensor pad(const torch::Tensor& x_BCHW, const SamePadding& padding) {
  const auto [rows_before, columns_before] = padding.before;
  const auto [rows_after, columns_after] = padding.after;
  if (rows_after == 0 && columns_after == 0) return x_BCHW;
  return torch::constant_pad_nd(x_BCHW, {columns_before, columns_after, rows_before, rows_after},
                                0);
}

}  // namespace catamaran
