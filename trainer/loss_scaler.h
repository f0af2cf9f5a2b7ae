// LossScaler: keeps fp16 gradients between underflow and overflow. Backward starts with a seed
// other than 1; gradients are divided by it once they are fp32 and summed over ranks.
//
//   LossScaler scaler(options.precision, batch.global * labels, device);
//   loss.sum.backward(scaler.seed());
//   ... gradients * scaler.unscale() ...; scaler.update(applied);      // per step, on all ranks
//
// seed = scale / 2^n, 2^n the first power of two >= the labels of a global batch: `scale` then has
// the size that it has for a mean loss. A step that was not applied multiplies the scale by
// `backoff`; growth_interval applied steps in a row multiply it by `growth`. Because `applied` is a
// decision on reduced numbers, the scale is the same on every rank. Where it is not active the seed
// is undefined (backward's own 1), factors are 1 and update does nothing. Source: Micikevicius et
// al. 2018. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include "trainer/options.h"

namespace catamaran {

class LossScaler {
 public:
  // active: RunOptions::loss_is_scaled.
  LossScaler(const PrecisionOptions& options, int64_t labels_of_global_batch,
             const torch::Device& device, bool active = true);

  torch::Tensor seed() const;
  double unscale() const { return 1 / (scale_ * shrink_); }
  void update(bool applied);

  double scale() const { return scale_; }
  int64_t applied_in_row() const { return applied_in_row_; }
  // From a checkpoint; does nothing where it is not active.
  void restore(double scale, int64_t applied_in_row);

 private:
  PrecisionOptions options_;
  torch::Device device_;
  bool active_;
  double shrink_;  // 2^-n
  double scale_;
  int64_t applied_in_row_ = 0;
};

}  // namespace catamaran
