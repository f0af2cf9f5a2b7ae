#include "model/fused_linear.h"

#include <optional>
#include <string>
#include <utility>

#include "model/onednn.h"

namespace catamaran {
namespace {

const std::optional<onednn::Operators>& operators() {
  static const std::optional<onednn::Operators> found = onednn::find_operators(
      {"mkldnn::_linear_pointwise", "", 6}, {"mkldnn::_linear_pointwise", "binary", 5},
      {"mkldnn::_reorder_linear_weight", "", 2});
  return found;
}

}  // namespace

FusedLinearImpl::FusedLinearImpl(int64_t in, int64_t out) : torch::nn::LinearImpl(in, out) {}

void FusedLinearImpl::pack() {
  packs_ = true;
  packed_weight_.reset();
}

void FusedLinearImpl::train(bool on) {
  torch::nn::LinearImpl::train(on);
  if (!on) return;
  packs_ = false;
  packed_weight_.reset();
}

bool FusedLinearImpl::applies(const torch::Tensor& x) const {
  return packs_ && operators() && onednn::applies(x, weight);
}

const torch::Tensor& FusedLinearImpl::packed_weight(const torch::Tensor& x) {
  if (!packed_weight_.defined()) {
    const int64_t rows = x.numel() / x.size(-1);
    packed_weight_ = onednn::call(operators()->reorder, {weight, rows});
  }
  return packed_weight_;
}

torch::Tensor FusedLinearImpl::fused(const torch::Tensor& x, const char* activation) {
  const c10::List<std::optional<at::Scalar>> scalars;
  // "none": GELU by the error function, not its approximation.
  return onednn::call(operators()->unary, {x, packed_weight(x), bias, std::string(activation),
                                           scalars, std::string("none")});
}

torch::Tensor FusedLinearImpl::forward(const torch::Tensor& x) {
  return applies(x) ? fused(x, "none") : torch::nn::LinearImpl::forward(x);
}

torch::Tensor FusedLinearImpl::forward_gelu(const torch::Tensor& x) {
  return applies(x) ? fused(x, "gelu") : torch::gelu(torch::nn::LinearImpl::forward(x));
}

torch::Tensor FusedLinearImpl::forward_plus(const torch::Tensor& x, const torch::Tensor& residual) {
  if (!applies(x)) return residual + torch::nn::LinearImpl::forward(x);
  return onednn::call(operators()->binary,
                      {x, residual, packed_weight(x), bias, std::string("add")});
}

}  // namespace catamaran
