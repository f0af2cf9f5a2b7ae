// AdamW, as torch.optim.AdamW: w -= rate (m^ / (sqrt v^ + epsilon) + decay w), with the moments m,
// v corrected for their start at zero. State: "exp_avg/NAME", "exp_avg_sq/NAME", "step/NAME".
//
//   AdamW adamw(options, GroupedArena(options, named, arena));
//   adamw.step(learning_rate, gradient_factor);
//
// Only the thread that runs the step loop.
#pragma once

#include "trainer/grouped_arena.h"
#include "trainer/optimizer.h"

namespace catamaran {

class AdamW : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, GroupedArena places);
  void step(double learning_rate, double gradient_factor) override;
  NamedTensors state() const override;

 private:
  double beta1_;
  double beta2_;
  double epsilon_;
  GroupedArena places_;
  torch::Tensor mean_;
  torch::Tensor square_;
  torch::Tensor steps_;  // done, by parameter, all alike; on the host
};

}  // namespace catamaran
