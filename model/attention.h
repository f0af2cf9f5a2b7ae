// The attention blocks of CAT, on token sequences of width D: B images, Q query and K key tokens, N
// heads.
//
//   LongRange  (LRD)  P_r5 = FFN(P_5 + MHA(P_5, P_5, P_5))                  equation (4)
//   CrossLayer (CLA)  FFN([I1 +] PMA(I1, I2, I2)), I1 the upper level       equations (5)-(7)
//
// PMA, multi-head pre-max attention, max-pools the key/value map (kernel = stride s) before the
// projections, so keys, their projections and the attention cost shrink by s^2. Sides that s does
// not divide keep a last, smaller window (ceil mode). FFN is the transformer's sub-block:
// Linear-GELU-Dropout-Linear, residual, LayerNorm. norm = post: after each residual (vanilla
// transformer); pre: before each sub-block. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include "model/options.h"

namespace catamaran {

class MultiHeadAttentionImpl : public torch::nn::Module {
 public:
  explicit MultiHeadAttentionImpl(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& query_BQD, const torch::Tensor& source_BKD);

 private:
  int64_t heads_;
  double dropout_;
  torch::nn::Linear q_{nullptr}, k_{nullptr}, v_{nullptr}, out_{nullptr};
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
  torch::nn::Linear linear1_{nullptr}, linear2_{nullptr};
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
  // kv_stride: of the pre-max pooling; 1 without PMA.
  CrossLayerImpl(const AttentionOptions& attention, const ClaOptions& options, int64_t kv_stride);
  // upper (I1) and lower (I2); the result has the query's resolution: upper's, or lower's with
  // query = upsampled.
  torch::Tensor forward(const torch::Tensor& upper_BDHW, const torch::Tensor& lower_BDHW);

 private:
  AttentionOptions options_;
  ClaOptions cla_;
  int64_t kv_stride_;
  MultiHeadAttention attention_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  FeedForward ffn_{nullptr};
};
TORCH_MODULE(CrossLayer);

// Keys of a level of height x width under a pooling stride: ceil(height / s) * ceil(width / s).
int64_t key_count(int64_t height, int64_t width, int64_t kv_stride);

// map <-> tokens
torch::Tensor to_tokens(const torch::Tensor& map_BDHW);  // B x (H W) x D
torch::Tensor to_map(const torch::Tensor& tokens_BQD, int64_t height,
                     int64_t width);  // B x D x H x W
// Sine position encoding in two dimensions (DETR's), 1 x (H W) x D; D a multiple of 4.
torch::Tensor sine_positions(int64_t height, int64_t width, int64_t dim,
                             const torch::TensorOptions& like);

}  // namespace catamaran
