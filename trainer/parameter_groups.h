// Parameter groups: which tensors share a learning rate and a weight decay. A tensor's part is read
// from its name (backbone or new), its decay from its shape: tensors of two or more dimensions are
// decayed; biases, norms and the fusion weights alpha, beta, gamma are not.
//
//   std::vector<ParameterGroup> groups = group_parameters(options, named, reducer.gradients());
//
// Every parameter is in exactly one group, in the order given; empty groups are left out. The
// tensors share memory with the given ones. Thread-safe.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/options.h"

namespace catamaran {

struct ParameterGroup {
  std::string part;        // "backbone", "new layers"
  bool decayed = false;    // by shape, whatever weight_decay is
  double rate_factor = 1;  // on the run's learning rate
  double weight_decay = 0;
  std::vector<std::string> names;
  std::vector<torch::Tensor> parameters;
  std::vector<torch::Tensor> gradients;
};

std::vector<ParameterGroup> group_parameters(const OptimizerOptions& options,
                                             const NamedTensors& parameters,
                                             const std::vector<torch::Tensor>& gradients);

}  // namespace catamaran
