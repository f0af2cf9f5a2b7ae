// SGD with momentum, as torch.optim.SGD: v = momentum v + g + decay w; w -= rate v, with Nesterov
// w -= rate (g + decay w + momentum v). State: "momentum/NAME".
//
//   Sgd sgd(options, GroupedArena(options, named, arena));
//   sgd.step(learning_rate, gradient_factor);
//
// Only the thread that runs the step loop.
#pragma once

#include "trainer/grouped_arena.h"
#include "trainer/optimizer.h"

namespace catamaran {

class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, GroupedArena places);
  void step(double learning_rate, double gradient_factor) override;
  NamedTensors state() const override;

 private:
  double momentum_;
  bool nesterov_;
  GroupedArena places_;
  torch::Tensor velocity_;
};

}  // namespace catamaran
