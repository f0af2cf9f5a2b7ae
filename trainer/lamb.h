// LAMB (You et al. 2019, arXiv 1904.00962) as NVIDIA's, which is timm.optim.Lamb:
//
//   u = m^ / (sqrt v^ + epsilon) + decay w; w -= rate * |w| / |u| * u
//
//   Lamb lamb(options, group_parameters(options, named, gradients));
//   lamb.step(learning_rate);    // overwrites the gradients
//
// with the moments m, v corrected for their start at zero. The trust ratio |w| / |u| is 1 for
// tensors without weight decay and where either norm is 0, and optimizer.trust_cap at most. The
// clip of the global gradient to 1 that belongs to it there is the run's clip.max_norm here, done
// before the step. State: "exp_avg/NAME", "exp_avg_sq/NAME", "step". Only the thread that runs the
// step loop.
#pragma once

#include <vector>

#include "trainer/optimizer.h"
#include "trainer/trust_ratio.h"

namespace catamaran {

class Lamb : public Optimizer {
 public:
  Lamb(OptimizerOptions options, std::vector<ParameterGroup> groups);
  void step(double learning_rate) override;
  NamedTensors state() const override;

 private:
  void gradients_become_updates(size_t group, double correction1, double correction2);

  OptimizerOptions options_;
  std::vector<ParameterGroup> groups_;
  TrustedTensors trusted_;
  GroupedTensors mean_;
  GroupedTensors square_;
  torch::Tensor steps_;  // done; one number on the host
};

}  // namespace catamaran
