// LARS (You et al. 2017, arXiv 1708.03888): SGD whose step of each tensor is scaled by a trust
// ratio. The learning rate stays outside the velocity. optimizer.lars_variant, c =
// trust_coefficient:
//
//   timm   c |w| / (|g| + decay |w| + epsilon)          timm.optim.Lars
//   larc   min(that / rate, 1), so the rate is a ceiling    timm.optim.Lars, trust_clip; after apex
//   moco   c |w| / |g + decay w|                        moco-v3's LARS
//
//   Lars lars(options, GroupedArena(options, named, arena));
//   lars.step(learning_rate, gradient_factor);
//
// timm and larc leave tensors without weight decay to SGD, moco those of less than two dimensions;
// apex's LARC scales those, too. State: "momentum/NAME". Only the thread that runs the step loop.
#pragma once

#include "trainer/grouped_arena.h"
#include "trainer/optimizer.h"

namespace catamaran {

class Lars : public Optimizer {
 public:
  Lars(OptimizerOptions options, GroupedArena places);
  void step(double learning_rate, double gradient_factor) override;
  NamedTensors state() const override;

 private:
  bool trusted(const ParameterGroup& group) const;
  TrustRatio ratio(double rate) const;  // rate: the group's

  OptimizerOptions options_;
  GroupedArena places_;
  torch::Tensor velocity_;
};

}  // namespace catamaran
