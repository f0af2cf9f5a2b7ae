#include "trainer/parameter_groups.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "model/backbone_stages.h"
#include "model/part_names.h"
#include "support/assert.h"
#include "support/text.h"

namespace catamaran {
namespace {

BackboneStages stages_of(const NamedTensors& parameters) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : parameters) {
    if (name.starts_with(kBackbonePrefix)) names.push_back(name.substr(kBackbonePrefix.size()));
  }
  return BackboneStages(names);
}

ParameterGroup group_of(const std::string& name, const torch::Tensor& parameter,
                        const OptimizerOptions& options, const BackboneStages& stages) {
  ParameterGroup group;
  group.decayed = parameter.dim() >= 2;
  group.weight_decay = group.decayed ? options.weight_decay : 0;
  group.part = "new layers";
  if (is_of_heads(name)) {
    group.part = "heads";
    group.rate_factor = options.head_ratio;
  } else if (name.starts_with(kBackbonePrefix)) {
    group.part = "backbone";
    group.rate_factor = options.backbone_ratio;
    if (options.layer_decay != 1) {
      const int64_t k = stages.from_top(std::string_view(name).substr(kBackbonePrefix.size()));
      group.part += text(", %ld from the top", k);
      group.rate_factor *= std::pow(options.layer_decay, static_cast<double>(k));
    }
  }
  return group;
}

}  // namespace

std::vector<ParameterGroup> group_parameters(const OptimizerOptions& options,
                                             const NamedTensors& parameters,
                                             const std::vector<torch::Tensor>& gradients) {
  CATAMARAN_ASSERT(parameters.size() == gradients.size(),
                   "the reducer was made from the same parameters");
  const BackboneStages stages = stages_of(parameters);
  std::vector<ParameterGroup> groups;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    const ParameterGroup kind = group_of(name, parameter, options, stages);
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

std::vector<size_t> group_numbers(const OptimizerOptions& options, const NamedTensors& parameters) {
  std::map<std::string, size_t> number_of;
  const std::vector<torch::Tensor> no_gradients(parameters.size());
  const std::vector<ParameterGroup> groups = group_parameters(options, parameters, no_gradients);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const std::string& name : groups[g].names) number_of[name] = g;
  }
  std::vector<size_t> numbers;
  for (const auto& [name, parameter] : parameters) numbers.push_back(number_of.at(name));
  return numbers;
}

std::string table_of_groups(const std::vector<ParameterGroup>& groups) {
  std::string table = text("%-24s %8s %12s %12s %13s", "parameter group", "tensors", "values",
                           "rate factor", "weight decay");
  for (const ParameterGroup& group : groups) {
    int64_t values = 0;
    for (const torch::Tensor& parameter : group.parameters) values += parameter.numel();
    table += text("\n%-24s %8zu %12ld %12.4g %13.4g", group.part.c_str(), group.parameters.size(),
                  values, group.rate_factor, group.weight_decay);
  }
  return table;
}

}  // namespace catamaran
