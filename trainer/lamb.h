// LAMB (You et al. 2019, arXiv 1904.00962) as NVIDIA's, which is timm.optim.Lamb:
//
//   u = m^ / (sqrt v^ + epsilon) + decay w; w -= rate * |w| / |u| * u
//
//   Lamb lamb(options, GroupedArena(options, named, arena));
//   lamb.step(learning_rate, gradient_factor);    // overwrites the gradients
//
// with the moments m, v corrected for their start at zero. The trust ratio |w| / |u| is 1 for
// tensors without weight decay and where either norm is 0, and optimizer.trust_cap at most. The
// clip of the global gradient to 1 that belongs to it there is the run's clip.max_norm here, part
// of gradient_factor. State: "exp_avg/NAME", "exp_avg_sq/NAME", "step". Only the thread that runs
// the step loop.
#pragma once

#include "trainer/grouped_arena.h"
#include "trainer/optimizer.h"

namespace catamaran {

class Lamb : public Optimizer {
 public:
  Lamb(OptimizerOptions options, GroupedArena places);
  void step(double learning_rate, double gradient_factor) override;
  NamedTensors state() const override;

 private:
  OptimizerOptions options_;
  GroupedArena places_;
  torch::Tensor mean_;
  torch::Tensor square_;
  torch::Tensor steps_;  // done; one number on the host
};

}  // namespace catamaran
