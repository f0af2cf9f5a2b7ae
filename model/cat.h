// CAT: Cross-layer Aggregation with Transformers for multi-label image classification (ICASSP
// 2022), equations (1)-(11).
//
//   Cat cat(options, labels);
//   CatOutput out = cat->forward(x_BCHW);      // x: fp32, normalised; channels-last runs fastest
//
// Shapes: B images on this rank, C channels, H x W, D width, L labels, Q query tokens. Parameter
// names: backbone.* with timm's names, fpn.*, lrd.*, cla4.*, cla3.*, head1.*, head2.*, head3.*,
// alpha, beta, gamma. A switched-off part has no parameters. Errors: UsageError from
// options.check(). Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <array>
#include <memory>
#include <vector>

#include "model/attention.h"
#include "model/backbone.h"
#include "model/fpn.h"
#include "model/heads.h"
#include "model/options.h"

namespace catamaran {

struct CatOutput {
  torch::Tensor yhat_BL;                      // fused logits, fp32
  std::vector<torch::Tensor> head_logits_BL;  // per head, before fusion
  std::vector<torch::Tensor>
      class_maps_BLHW;  // per head: logit of each token, for activation maps; only when asked for
};

class CatImpl : public torch::nn::Module {
 public:
  CatImpl(const CatOptions& options, int64_t labels);

  CatOutput forward(const torch::Tensor& x_BCHW, bool with_class_maps = false);
  void train(bool on = true) override;  // keeps a frozen backbone's BN in eval mode

  const CatOptions& options() const { return options_; }
  int64_t labels() const { return labels_; }
  Backbone& backbone() { return *backbone_; }
  // alpha, beta, gamma now; those of absent heads are 0.
  std::array<double, 3> fusion_weights() const;

 private:
  Features features(const torch::Tensor& x_BCHW);
  CatOutput fuse(const std::vector<torch::Tensor>& levels, bool with_class_maps);

  CatOptions options_;
  int64_t labels_;
  std::shared_ptr<Backbone> backbone_;
  Fpn fpn_{nullptr};
  LongRange lrd_{nullptr};
  CrossLayer cla4_{nullptr};
  CrossLayer cla3_{nullptr};
  std::vector<Head> heads_;            // one per level
  std::vector<torch::Tensor> fusion_;  // alpha, beta, gamma
};
TORCH_MODULE(Cat);

// Random initialisation from the seed alone: the same on every rank, whatever torch's global
// generator did before; docs/model.md names each part's rule.
void initialise(CatImpl& cat, uint64_t seed);

}  // namespace catamaran
