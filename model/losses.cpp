#include "model/losses.h"

namespace catamaran {

LossSum bce_with_ignore(const torch::Tensor& logits_BL, const torch::Tensor& labels_BL) {
  const torch::Tensor z_BL = logits_BL.to(torch::kFloat32);
  const torch::Tensor valid_BL = labels_BL.ne(0);
  const torch::Tensor target_BL = labels_BL.gt(0).to(torch::kFloat32);
  const torch::Tensor loss_BL = torch::binary_cross_entropy_with_logits(
      z_BL, target_BL, {}, {}, at::Reduction::None);  // (12)
  return {(loss_BL * valid_BL).sum(), valid_BL.sum().to(torch::kFloat64)};
}

}  // namespace catamaran
