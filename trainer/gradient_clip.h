// Clipping of gradients that are already averaged over the global batch, so that every rank clips
// alike.
//
//   scale_gradients(flat, norm_clip_factor(gradient_norm(flat), clip.max_norm));    // clip.mode
//   norm AdaptiveClip agc(named_parameters, reducer.gradients(), clip.agc_factor);       //
//   clip.mode agc agc.clip();
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
  void clip();

 private:
  std::vector<torch::Tensor> weights_;
  std::vector<torch::Tensor> gradients_;
  std::vector<int64_t> units_;  // of each tensor
  double factor_;
};

}  // namespace catamaran
