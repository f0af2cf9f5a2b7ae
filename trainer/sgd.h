// SGD with momentum, as torch.optim.SGD: v = momentum v + g + decay w; w -= rate v, with Nesterov
// w -= rate (g + decay w + momentum v). State: "momentum/NAME". ATen's fused kernel.
//
//   Sgd sgd(options, group_parameters(options, named, gradients));
//   sgd.step(learning_rate);
//
// Only the thread that runs the step loop.
#pragma once

#include <vector>

#include "trainer/optimizer.h"

namespace catamaran {

class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<ParameterGroup> groups);
  void step(double learning_rate) override;
  NamedTensors state() const override;

 private:
  double momentum_;
  bool nesterov_;
  std::vector<ParameterGroup> groups_;
  GroupedTensors velocity_;
};

}  // namespace catamaran
