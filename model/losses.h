// Losses as sum and count, so that the mean can be taken over the global batch: equation (12), its
// relatives (model/loss_options.h has the formulas), the heads' own losses.
//
//   const Loss loss(options, positive_weights(options, counts), device);
//   const LossSum l = loss(out, labels_BL);       // out of Cat, labels_BL int8 in {1, 0, -1}, or
//                                                 // fp32 targets in [0, 1], ignored where negative
//   l.sum.backward();                             // divide gradients by the global sum of counts
//
// An ignored label contributes nothing to sum, count or gradient; class weights and `scale`
// change the sum, never the count. With auxiliary_weight u > 0 and more than one head the sum is
// that of the fused logits + u times those of the heads' own logits, equations (8)-(10). Computed
// in fp32 whatever the logits' type (fp64 stays fp64, for tests); sums and gradients stay finite
// for every finite logit. Source: Lin et al. 2017, Ridnik et al. 2021. Thread-safe.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

#include "model/cat.h"
#include "model/loss_options.h"

namespace catamaran {

struct LossSum {
  torch::Tensor sum;    // scalar, fp32, carries the graph
  torch::Tensor count;  // scalar, fp64: labels that are not ignored
  // Of each head's own logits, where they count (auxiliary_weight); their weight is not in it.
  std::vector<torch::Tensor> heads = {};
};

class Loss {
 public:
  // positive_weight_L: empty, or one value per label. UsageError from options.check().
  explicit Loss(const LossOptions& options, const std::vector<float>& positive_weight_L = {},
                torch::Device device = torch::kCPU);

  LossSum operator()(const CatOutput& out, const torch::Tensor& labels_BL) const;
  // Of one set of logits, without auxiliary heads.
  LossSum of_logits(const torch::Tensor& logits_BL, const torch::Tensor& labels_BL) const;

 private:
  // Loss of each label from logits z and targets t in [0, 1].
  using LabelLoss =
      std::function<torch::Tensor(const torch::Tensor& z_BL, const torch::Tensor& t_BL)>;

  LossOptions options_;
  LabelLoss label_loss_;
};

// Plain equation (12): Loss with the default options.
LossSum bce_with_ignore(const torch::Tensor& logits_BL, const torch::Tensor& labels_BL);

}  // namespace catamaran
