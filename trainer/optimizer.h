// Optimizer: SGD with momentum or AdamW over named parameters, with ATen's fused kernels; the
// gradients are the reducer's views. Parameters fall into groups by two questions: backbone or new
// (learning rate), decayed or not (tensors of two or more dimensions are decayed; biases, norms and
// the fusion weights alpha, beta, gamma are not).
//
//   std::unique_ptr<Optimizer> optimizer = make_optimizer(options, named_parameters,
//   reducer.gradients()); optimizer->step(learning_rate);               // of the new layers; the
//   backbone's is backbone_ratio times that NamedTensors state = optimizer->state();      //
//   "momentum/NAME", "exp_avg/NAME", ..., for the checkpoint
//
// The state's tensors are the live ones. Sources: SGD and AdamW as in torch.optim. Only the thread
// that runs the step loop. Errors: load_state throws WeightsError naming the tensor.
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/options.h"

namespace catamaran {

struct ParameterGroup {
  bool backbone = false;
  bool decayed = false;
  std::vector<std::string> names;
  std::vector<torch::Tensor> parameters;
  std::vector<torch::Tensor> gradients;
};

// Every parameter in exactly one group; empty groups are left out.
std::vector<ParameterGroup> group_parameters(const NamedTensors& parameters,
                                             const std::vector<torch::Tensor>& gradients);

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

// Over flat gradients: multiplies by `factor` in place.
void scale_gradients(const std::vector<torch::Tensor>& flat, double factor);
// L2 norm over all, as one number on the host.
double gradient_norm(const std::vector<torch::Tensor>& flat);

}  // namespace catamaran
