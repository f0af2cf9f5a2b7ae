// Parameter groups: which tensors share a learning rate and a weight decay. By name a tensor is of
// the backbone (with layer-wise decay: of one of its stages), of the heads, or of the other new
// layers; by shape it is decayed or not: tensors of two or more dimensions are; biases, norms,
// layer scales and the fusion weights alpha, beta, gamma are not.
//
//   std::vector<ParameterGroup> groups = group_parameters(options, named);
//   log::info(table_of_groups(groups));
//
//   part         rate_factor
//   backbone     backbone_ratio * layer_decay^k, k = 1 for its last stage (model/backbone_stages.h)
//   heads        head_ratio                      head1, head2, head3
//   new layers   1                               pyramid, attention, fusion weights
//
// Every parameter is in exactly one group, in the order given; empty groups are left out.
// Thread-safe.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/options.h"

namespace catamaran {

struct ParameterGroup {
  std::string part;        // "backbone", "backbone, 2 from the top", "heads", "new layers"
  bool decayed = false;    // by shape, whatever weight_decay is
  double rate_factor = 1;  // on the run's learning rate
  double weight_decay = 0;
  std::vector<std::string> names;
  std::vector<size_t> members;  // their numbers among all parameters
  int64_t values = 0;           // in all of them
};

std::vector<ParameterGroup> group_parameters(const OptimizerOptions& options,
                                             const NamedTensors& parameters);

// The number of each parameter's group, by parameter.
std::vector<size_t> group_numbers(const OptimizerOptions& options, const NamedTensors& parameters);

// For people: a line each, with tensors, values, rate factor and decay.
std::string table_of_groups(const std::vector<ParameterGroup>& groups);

}  // namespace catamaran
