// A head: one fully connected layer per token gives the class map, its pooling the logits,
// equations (8)-(10).
//
//   Head head(options, dim, labels);
//   HeadOutput y = head->forward(p_BDHW);          // y.logits_BL, y.map_BLHW
//
// mean: equal to global average pooling then the layer. max, topk: over tokens (topk: no more than
// there are, see CatOptions::check). csra: mean + lambda
// * softmax(T * map)-weighted sum (class-specific residual attention). With mean pooling the map's
// mean is the logit. Map, pooling and logits are fp32 also under autocast. Only the thread that
// runs the step loop.
#pragma once

#include <torch/torch.h>

#include "model/fused_linear.h"
#include "model/options.h"

namespace catamaran {

struct HeadOutput {
  torch::Tensor logits_BL;
  torch::Tensor map_BLHW;
};

class HeadImpl : public torch::nn::Module {
 public:
  HeadImpl(const HeadOptions& options, int64_t dim, int64_t labels);
  HeadOutput forward(const torch::Tensor& p_BDHW, bool with_map);
  // Glorot's uniform under the bias of a rare label, probability 0.01 (Lin et al. 2017, section
  // 4.1): else the first steps only learn that most labels are absent.
  void initialise(const at::Generator& generator);

 private:
  HeadOptions options_;
  FusedLinear fc_{nullptr};
};
TORCH_MODULE(Head);

}  // namespace catamaran
