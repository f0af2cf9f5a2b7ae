// Optimizer: changes named parameters by their gradients, group by group
// (trainer/parameter_groups.h), in passes over the run's flat memories (trainer/flat_updates.h).
//
//   std::unique_ptr<Optimizer> optimizer = make_optimizer(options, named_parameters, arena);
//   optimizer->step(learning_rate, mean * clip);    // a group's rate is rate_factor times that
//   NamedTensors state = optimizer->state();    // "momentum/NAME", ..., for the checkpoint
//
// The arena's gradients are the same on all ranks; gradient_factor makes them the mean over the
// global batch, clipped, in the same pass. A step may overwrite them. The arena must be laid out
// with group_numbers(options, named_parameters), and outlive the optimizer. The state's tensors are
// the live ones. Kinds: sgd, adamw, lars, lamb, a header each. Only the thread that runs the step
// loop. Errors: load_state throws WeightsError naming the tensor.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>

#include "model/safetensors.h"
#include "trainer/options.h"
#include "trainer/parameter_arena.h"

namespace catamaran {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void step(double learning_rate, double gradient_factor) = 0;
  virtual NamedTensors state() const = 0;
  void load_state(const std::map<std::string, torch::Tensor>& saved, const std::string& where);
};

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          const NamedTensors& parameters,
                                          const ParameterArena& arena);

}  // namespace catamaran
