#include "trainer/parameter_groups.h"

#include <algorithm>
#include <cmath>

#include "model/backbone_stages.h"
#include "model/part_names.h"
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
                                             const NamedTensors& parameters) {
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
    group->members.push_back(i);
    group->values += parameter.numel();
  }
  return groups;
}

std::vector<size_t> group_numbers(const OptimizerOptions& options, const NamedTensors& parameters) {
  const std::vector<ParameterGroup> groups = group_parameters(options, parameters);
  std::vector<size_t> numbers(parameters.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const size_t p : groups[g].members) numbers[p] = g;
  }
  return numbers;
}

std::string table_of_groups(const std::vector<ParameterGroup>& groups) {
  std::string table = text("%-24s %8s %12s %12s %13s", "parameter group", "tensors", "values",
                           "rate factor", "weight decay");
  for (const ParameterGroup& group : groups) {
    table += text("\n%-24s %8zu %12ld %12.4g %13.4g", group.part.c_str(), group.members.size(),
                  group.values, group.rate_factor, group.weight_decay);
  }
  return table;
}

}  // namespace catamaran
