// What LARS and LAMB have in common: tensors whose update is scaled by a trust ratio, made of the
// fp32 norms of the whole tensor and of its update. Gradients are averaged over the global batch
// before, so every rank computes the same ratios.
//
//   TrustedTensors trusted(groups, [](const ParameterGroup& g) { return g.weight_decay != 0; });
//   trusted.scale_updates([](double weight_norm, double update_norm) { return ...; });
//
// A ratio is 1 where either norm is 0. The norms of all tensors come to the host in one copy, and
// one foreach kernel multiplies: no loop over kernels of single tensors. Only the thread that runs
// the step loop.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

#include "trainer/parameter_groups.h"

namespace catamaran {

class TrustedTensors {
 public:
  TrustedTensors(const std::vector<ParameterGroup>& groups,
                 const std::function<bool(const ParameterGroup&)>& trusted);

  // The factors for updates as they are now, by tensor. ratio(weight norm, update norm, the group's
  // rate_factor) is asked where both norms are above 0.
  using Ratio = std::function<double(double, double, double)>;
  std::vector<double> ratios(const Ratio& ratio) const;
  // update *= factor
  void scale_updates(const std::vector<double>& factors);
  // update += decay * weight
  void add_decay(double decay);

 private:
  std::vector<torch::Tensor> weights_;
  std::vector<torch::Tensor> updates_;  // the groups' gradients
  std::vector<double> rate_factors_;
};

}  // namespace catamaran
