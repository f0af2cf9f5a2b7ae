// AdamW, as torch.optim.AdamW: w -= rate (m^ / (sqrt v^ + epsilon) + decay w), with the moments m,
// v corrected for their start at zero. State: "exp_avg/NAME", "exp_avg_sq/NAME", "step/NAME".
// ATen's fused kernel.
//
//   AdamW adamw(options, group_parameters(options, named, gradients));
//   adamw.step(learning_rate);
//
// Only the thread that runs the step loop.
#pragma once

#include <vector>

#include "trainer/optimizer.h"

namespace catamaran {

class AdamW : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, std::vector<ParameterGroup> groups);
  void step(double learning_rate) override;
  NamedTensors state() const override;

 private:
  double beta1_;
  double beta2_;
  double epsilon_;
  std::vector<ParameterGroup> groups_;
  GroupedTensors mean_;
  GroupedTensors square_;
  GroupedTensors steps_;  // one a tensor, as the kernel wants it
};

}  // namespace catamaran
