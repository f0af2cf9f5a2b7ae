// Losses as sum and count, so that the mean can be taken over the global batch: equation (12) with
// ignored labels. Computed in fp32 whatever the logits' type. Thread-safe.
#pragma once

#include <torch/torch.h>

namespace catamaran {

struct LossSum {
  torch::Tensor sum;    // scalar, fp32, carries the graph
  torch::Tensor count;  // scalar, fp64: labels that are not ignored
};

// logits_BL fp32; labels_BL int8 in {1, 0, -1}: 0 contributes nothing.
LossSum bce_with_ignore(const torch::Tensor& logits_BL, const torch::Tensor& labels_BL);

}  // namespace catamaran
