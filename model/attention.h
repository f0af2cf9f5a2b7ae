// The attention blocks of CAT, on token sequences of width D: B images, Q query and K key tokens, N
// heads.
//
//   LongRange  (LRD)  P_r5 = FFN(P_5 + MHA(P_5, P_5, P_5))                  equation (4)
//   CrossLayer (CLA)  FFN([I1 +] PMA(I1, I2, I2)), I1 the upper level       equations (5)-(7)
//
// PMA, multi-head pre-max attention, max-pools the key/value map before the projections, so that
// keys, their projections and the attention cost shrink with it (pre_max_pool below says which
// windows). FFN is the transformer's sub-block:
// Linear-GELU-Dropout-Linear, residual, LayerNorm. norm = post: after each residual (vanilla
// transformer); pre: before each sub-block. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include "model/fused_linear.h"
#include "model/options.h"

namespace catamaran {

class MultiHeadAttentionImpl : public torch::nn::Module {
 public:
  explicit MultiHeadAttentionImpl(const AttentionOptions& options);
  // residual: undefined for none; else what attention is added to.
  torch::Tensor forward(const torch::Tensor& query_BQD, const torch::Tensor& source_BKD,
                        const torch::Tensor& residual_BQD);

 private:
  int64_t heads_;
  double dropout_;
  FusedLinear q_{nullptr}, k_{nullptr}, v_{nullptr}, out_{nullptr};
};
TORCH_MODULE(MultiHeadAttention);

// Linear-GELU-Dropout-Linear with its residual and norm.
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& x_BQD);

 private:
  bool pre_norm_;
  double dropout_;
  FusedLinear linear1_{nullptr}, linear2_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(FeedForward);

class LongRangeImpl : public torch::nn::Module {
 public:
  explicit LongRangeImpl(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& p5_BDHW);

 private:
  AttentionOptions options_;
  MultiHeadAttention attention_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  FeedForward ffn_{nullptr};
};
TORCH_MODULE(LongRange);

class CrossLayerImpl : public torch::nn::Module {
 public:
  // level: of the lower map, 4 or 3; it chooses the pooling stride.
  CrossLayerImpl(const AttentionOptions& attention, const ClaOptions& options, int level);
  // upper (I1) and lower (I2); the result has the query's resolution: upper's, or lower's with
  // query = upsampled.
  torch::Tensor forward(const torch::Tensor& upper_BDHW, const torch::Tensor& lower_BDHW);

 private:
  AttentionOptions options_;
  ClaOptions cla_;
  int level_;
  MultiHeadAttention attention_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  FeedForward ffn_{nullptr};
};
TORCH_MODULE(CrossLayer);

// PMA's pooling of keys and values. By stride s (grid = 0): window i covers cells i s to (i + 1) s
// - 1, the last one what is left of the side (ceil mode). By grid g > 0: n = min(g, side) windows a
// side, window i covers cells floor(i side / n) to ceil((i + 1) side / n) - 1; they overlap by a
// cell where n does not divide the side.
torch::Tensor pre_max_pool(const torch::Tensor& map_BDHW, int64_t stride, int64_t grid);
// Keys of a level of height x width: ceil(height / s) ceil(width / s), or with a grid min(g,
// height) min(g, width).
int64_t key_count(int64_t height, int64_t width, int64_t stride, int64_t grid = 0);

struct MapSize {
  int64_t height = 0;
  int64_t width = 0;
};
MapSize size_of(const torch::Tensor& map_BDHW);

// map <-> tokens
torch::Tensor to_tokens(const torch::Tensor& map_BDHW);               // B x (H W) x D
torch::Tensor to_map(const torch::Tensor& tokens_BQD, MapSize size);  // B x D x H x W

// Sine position encoding in two dimensions, 1 x (H W) x D; D a multiple of 4: rows in the first
// half, columns in the second, of each first sines, then cosines, of the cell's centre over
// 10000^(i / (D / 4)). Centres are counted in cells of a map of size `unit` over the same picture
// (its first is 0), so that maps of different sizes agree on where a thing is.
torch::Tensor sine_positions(MapSize map, MapSize unit, int64_t dim,
                             const torch::TensorOptions& like);

}  // namespace catamaran
