#include "model/attention.h"

#include <algorithm>
#include <cmath>

#include "model/autocast.h"

namespace catamaran {
namespace {

// fp32 in and out under autocast: on the CPU torch would keep the 16 bits of its input.
torch::Tensor normalised(torch::nn::LayerNorm& norm, const torch::Tensor& x_BQD) {
  return norm(widened(x_BQD));
}

torch::nn::LayerNorm layer_norm(int64_t dim) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}));
}

// B x Q x D -> B x N x Q x D/N
torch::Tensor split_heads(const torch::Tensor& x_BQD, int64_t heads) {
  return x_BQD.view({x_BQD.size(0), x_BQD.size(1), heads, x_BQD.size(2) / heads}).transpose(1, 2);
}

// Tokens of a map, with their positions in cells of `unit`.
torch::Tensor placed_tokens(const torch::Tensor& map_BDHW, MapSize unit,
                            const AttentionOptions& options) {
  const torch::Tensor tokens_BQD = to_tokens(map_BDHW);
  if (options.position == "none") return tokens_BQD;
  // fp32 also under autocast: 16 bits cannot count the positions of a large map.
  return tokens_BQD +
         sine_positions(size_of(map_BDHW), unit, options.dim, widened(tokens_BQD).options());
}

// Centres of `cells` cells over what `unit` cells cover, the first of those at 0.
torch::Tensor centres(int64_t cells, int64_t unit, const torch::TensorOptions& like) {
  const double size = static_cast<double>(unit) / static_cast<double>(cells);
  return (torch::arange(cells, like) + 0.5) * size - 0.5;
}

}  // namespace

torch::Tensor pre_max_pool(const torch::Tensor& map_BDHW, int64_t stride, int64_t grid) {
  const int64_t height = map_BDHW.size(2);
  const int64_t width = map_BDHW.size(3);
  int64_t step_y = stride;
  int64_t step_x = stride;
  if (grid > 0) {
    const int64_t rows = std::min(grid, height);
    const int64_t columns = std::min(grid, width);
    if (height % rows != 0 || width % columns != 0)
      return std::get<0>(torch::adaptive_max_pool2d(map_BDHW, {rows, columns}));
    step_y = height / rows;  // windows that do not overlap: their gradient is deterministic on GPUs
    step_x = width / columns;
  }
  if (step_y == 1 && step_x == 1) return map_BDHW;
  return torch::max_pool2d(map_BDHW, {step_y, step_x}, {step_y, step_x}, {0, 0}, {1, 1},
                           /*ceil_mode=*/true);
}

int64_t key_count(int64_t height, int64_t width, int64_t stride, int64_t grid) {
  if (grid > 0) return std::min(grid, height) * std::min(grid, width);
  return ((height + stride - 1) / stride) * ((width + stride - 1) / stride);
}

torch::Tensor to_tokens(const torch::Tensor& map_BDHW) {
  return map_BDHW.flatten(2).transpose(1, 2);
}

torch::Tensor to_map(const torch::Tensor& tokens_BQD, MapSize size) {
  return tokens_BQD.transpose(1, 2).reshape(
      {tokens_BQD.size(0), tokens_BQD.size(2), size.height, size.width});
}

MapSize size_of(const torch::Tensor& map_BDHW) { return {map_BDHW.size(2), map_BDHW.size(3)}; }

torch::Tensor sine_positions(MapSize map, MapSize unit, int64_t dim,
                             const torch::TensorOptions& like) {
  const auto [height, width] = map;
  const int64_t pairs = dim / 4;
  const torch::Tensor frequency =
      torch::exp(torch::arange(pairs, like) * (-std::log(10000.0) / static_cast<double>(pairs)));
  const torch::Tensor y_HP = centres(height, unit.height, like).unsqueeze(1) * frequency;
  const torch::Tensor x_WP = centres(width, unit.width, like).unsqueeze(1) * frequency;
  const torch::Tensor y_HWD =
      torch::cat({y_HP.sin(), y_HP.cos()}, 1).unsqueeze(1).expand({height, width, 2 * pairs});
  const torch::Tensor x_HWD =
      torch::cat({x_WP.sin(), x_WP.cos()}, 1).unsqueeze(0).expand({height, width, 2 * pairs});
  return torch::cat({y_HWD, x_HWD}, 2).reshape({1, height * width, dim});
}

MultiHeadAttentionImpl::MultiHeadAttentionImpl(const AttentionOptions& options)
    : heads_(options.heads), dropout_(options.dropout) {
  q_ = register_module("q", FusedLinear(options.dim, options.dim));
  k_ = register_module("k", FusedLinear(options.dim, options.dim));
  v_ = register_module("v", FusedLinear(options.dim, options.dim));
  out_ = register_module("out", FusedLinear(options.dim, options.dim));
}

torch::Tensor MultiHeadAttentionImpl::forward(const torch::Tensor& query_BQD,
                                              const torch::Tensor& source_BKD,
                                              const torch::Tensor& residual_BQD) {
  const torch::Tensor q_BNQE = split_heads(q_(query_BQD), heads_);
  const torch::Tensor k_BNKE = split_heads(k_(source_BKD), heads_);
  const torch::Tensor v_BNKE = split_heads(v_(source_BKD), heads_);
  const torch::Tensor mixed_BNQE = at::scaled_dot_product_attention(
      q_BNQE, k_BNKE, v_BNKE, /*attn_mask=*/{}, is_training() ? dropout_ : 0.0);
  const torch::Tensor mixed_BQD = mixed_BNQE.transpose(1, 2).flatten(2);
  return residual_BQD.defined() ? out_->forward_plus(mixed_BQD, residual_BQD) : out_(mixed_BQD);
}

FeedForwardImpl::FeedForwardImpl(const AttentionOptions& options)
    : pre_norm_(options.norm == "pre"), dropout_(options.dropout) {
  linear1_ = register_module("linear1", FusedLinear(options.dim, options.ffn_dim));
  linear2_ = register_module("linear2", FusedLinear(options.ffn_dim, options.dim));
  norm_ = register_module("norm", layer_norm(options.dim));
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x_BQD) {
  const torch::Tensor inner = linear1_->forward_gelu(pre_norm_ ? normalised(norm_, x_BQD) : x_BQD);
  const torch::Tensor y_BQD =
      linear2_->forward_plus(torch::dropout(inner, dropout_, is_training()), x_BQD);
  return pre_norm_ ? y_BQD : normalised(norm_, y_BQD);
}

LongRangeImpl::LongRangeImpl(const AttentionOptions& options) : options_(options) {
  attention_ = register_module("attention", MultiHeadAttention(options));
  norm_ = register_module("norm", layer_norm(options.dim));
  ffn_ = register_module("ffn", FeedForward(options));
}

torch::Tensor LongRangeImpl::forward(const torch::Tensor& p5_BDHW) {
  RECORD_USER_SCOPE("lrd");
  const MapSize size = size_of(p5_BDHW);
  const torch::Tensor p5_BQD = placed_tokens(p5_BDHW, size, options_);
  torch::Tensor x_BQD;
  if (options_.norm == "pre") {
    const torch::Tensor normed = normalised(norm_, p5_BQD);
    x_BQD = attention_(normed, normed, p5_BQD);
  } else {
    x_BQD = normalised(norm_, attention_(p5_BQD, p5_BQD, p5_BQD));
  }
  return to_map(ffn_(x_BQD), size);  // (4)
}

CrossLayerImpl::CrossLayerImpl(const AttentionOptions& attention, const ClaOptions& options,
                               int level)
    : options_(attention), cla_(options), level_(level) {
  attention_ = register_module("attention", MultiHeadAttention(attention));
  norm_ = register_module("norm", layer_norm(attention.dim));
  ffn_ = register_module("ffn", FeedForward(attention));
}

torch::Tensor CrossLayerImpl::forward(const torch::Tensor& upper_BDHW,
                                      const torch::Tensor& lower_BDHW) {
  RECORD_USER_SCOPE(level_ == 4 ? "cla4" : "cla3");
  const torch::Tensor query_BDHW =
      cla_.query == "upsampled"
          ? torch::upsample_nearest2d(upper_BDHW, {lower_BDHW.size(2), lower_BDHW.size(3)})
          : upper_BDHW;
  const int64_t stride = level_ == 4 ? cla_.kv_stride_p4 : cla_.kv_stride_p3;
  const torch::Tensor pooled_BDHW =  // PMA: before the projections
      cla_.pma ? pre_max_pool(lower_BDHW, stride, cla_.kv_grid) : lower_BDHW;
  const MapSize unit = size_of(upper_BDHW);
  const torch::Tensor i1_BQD = placed_tokens(query_BDHW, unit, options_);
  const torch::Tensor i2_BKD = placed_tokens(pooled_BDHW, unit, options_);
  const bool pre_norm = options_.norm == "pre";
  torch::Tensor x_BQD = attention_(pre_norm ? normalised(norm_, i1_BQD) : i1_BQD, i2_BKD,
                                   cla_.residual ? i1_BQD : torch::Tensor());
  if (!pre_norm) x_BQD = normalised(norm_, x_BQD);
  return to_map(ffn_(x_BQD), size_of(query_BDHW));  // (7)
}

}  // namespace catamaran
