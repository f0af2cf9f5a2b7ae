// Optimizer: changes named parameters by their gradients, group by group
// (trainer/parameter_groups.h).
//
//   std::unique_ptr<Optimizer> optimizer =
//       make_optimizer(options, named_parameters, reducer.gradients());
//   optimizer->step(learning_rate);    // a group's rate is rate_factor times that
//   NamedTensors state = optimizer->state();    // "momentum/NAME", ..., for the checkpoint
//
// The gradients are the reducer's views, averaged over the global batch, the same on all ranks; a
// step may overwrite them. The state's tensors are the live ones. Kinds: sgd, adamw, lars, lamb, a
// header each. Only the thread that runs the step loop. Errors: load_state throws WeightsError
// naming the tensor.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/options.h"
#include "trainer/parameter_groups.h"

namespace catamaran {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void step(double learning_rate) = 0;
  virtual NamedTensors state() const = 0;
  void load_state(const std::map<std::string, torch::Tensor>& saved, const std::string& where);
};

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          const NamedTensors& parameters,
                                          const std::vector<torch::Tensor>& gradients);

// For kinds of optimizers: a state tensor of zeros for each tensor of each group, and its name in
// the checkpoint, "KIND/NAME".
using GroupedTensors = std::vector<std::vector<torch::Tensor>>;
GroupedTensors zeros_like_each(const std::vector<ParameterGroup>& groups);
void append_state(NamedTensors& state, const std::string& kind,
                  const std::vector<ParameterGroup>& groups, const GroupedTensors& tensors);

// Over the flat gradients: multiplies by `factor` in place.
void scale_gradients(const torch::Tensor& flat, double factor);
// Their L2 norm, as one number on the host.
double gradient_norm(const torch::Tensor& flat);

}  // namespace catamaran
