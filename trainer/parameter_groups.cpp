#include "trainer/parameter_groups.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {
namespace {

ParameterGroup group_of(const std::string& name, const torch::Tensor& parameter,
                        const OptimizerOptions& options) {
  const bool backbone = name.starts_with("backbone.");
  ParameterGroup group;
  group.part = backbone ? "backbone" : "new layers";
  group.decayed = parameter.dim() >= 2;
  group.rate_factor = backbone ? options.backbone_ratio : 1;
  group.weight_decay = group.decayed ? options.weight_decay : 0;
  return group;
}

}  // namespace

std::vector<ParameterGroup> group_parameters(const OptimizerOptions& options,
                                             const NamedTensors& parameters,
                                             const std::vector<torch::Tensor>& gradients) {
  CATAMARAN_ASSERT(parameters.size() == gradients.size(),
                   "the reducer was made from the same parameters");
  std::vector<ParameterGroup> groups;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    const ParameterGroup kind = group_of(name, parameter, options);
    auto group = std::ranges::find_if(groups, [&](const ParameterGroup& other) {
      return other.part == kind.part && other.decayed == kind.decayed;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), kind);
    group->names.push_back(name);
    // shares memory; fused kernels write without autograd's checks
    group->parameters.push_back(parameter.detach());
    group->gradients.push_back(gradients[i]);
  }
  return groups;
}

}  // namespace catamaran
