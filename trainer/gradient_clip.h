// Clipping of gradients, the same on all ranks, that are still to be multiplied by a factor (which
// makes them the mean over the global batch): the optimizer's pass does it.
//
//   clip.mode norm
//   factor *= norm_clip_factor(flat_norm(arena.gradients()) * factor, clip.max_norm);
//   clip.mode agc
//   AdaptiveClip agc(named_parameters, arena.gradient_views(), clip.agc_factor);
//   agc.clip(factor);
//
// Adaptive (Brock et al. 2021, arXiv 2102.06171; timm's adaptive_clip_grad): the gradient of each
// unit, a row of the first dimension, is at most agc_factor times the norm of its weights, those
// taken as 1e-3 at least; a tensor of one dimension or none is one unit. The heads (head1, ...) are
// left alone, as the paper leaves its classifier. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "model/safetensors.h"

namespace catamaran {

// What gradients of this norm are multiplied by, as torch's clip_grad_norm_; max_norm 0: 1.
double norm_clip_factor(double norm, double max_norm);

class AdaptiveClip {
 public:
  AdaptiveClip(const NamedTensors& parameters, const std::vector<torch::Tensor>& gradients,
               double factor);
  // As if the gradients were multiplied by gradient_factor; they stay without it.
  void clip(double gradient_factor);

 private:
  std::vector<torch::Tensor> weights_;
  std::vector<torch::Tensor> gradients_;
  std::vector<int64_t> units_;  // of each tensor
  double factor_;
};

}  // namespace catamaran
