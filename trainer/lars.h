// LARS (You et al. 2017, arXiv 1708.03888): SGD whose step of each tensor is scaled by a trust
// ratio. The learning rate stays outside the velocity. optimizer.lars_variant, c =
// trust_coefficient:
//
//   timm   c |w| / (|g| + decay |w| + epsilon)          timm.optim.Lars
//   larc   min(that / rate, 1), so the rate is a ceiling    timm.optim.Lars, trust_clip; after apex
//   moco   c |w| / |g + decay w|                        moco-v3's LARS
//
//   Lars lars(options, group_parameters(options, named, gradients));
//   lars.step(learning_rate);    // overwrites the gradients
//
// timm and larc leave tensors without weight decay to SGD, moco those of less than two dimensions;
// apex's LARC scales those, too. State: "momentum/NAME". Only the thread that runs the step loop.
#pragma once

#include <vector>

#include "trainer/optimizer.h"
#include "trainer/sgd.h"
#include "trainer/trust_ratio.h"

namespace catamaran {

class Lars : public Optimizer {
 public:
  Lars(OptimizerOptions options, const std::vector<ParameterGroup>& groups);
  void step(double learning_rate) override;
  NamedTensors state() const override { return sgd_.state(); }

 private:
  std::vector<double> ratios(double learning_rate) const;

  OptimizerOptions options_;
  TrustedTensors trusted_;
  Sgd sgd_;  // without decay: it is in the gradients by then
};

}  // namespace catamaran
