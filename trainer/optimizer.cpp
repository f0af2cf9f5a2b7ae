#include "trainer/optimizer.h"

#include "support/assert.h"
#include "support/error.h"
#include "trainer/adamw.h"
#include "trainer/lamb.h"
#include "trainer/lars.h"
#include "trainer/sgd.h"

namespace catamaran {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          const NamedTensors& parameters,
                                          const std::vector<torch::Tensor>& gradients) {
  std::vector<ParameterGroup> groups = group_parameters(options, parameters, gradients);
  if (options.name == "sgd") return std::make_unique<Sgd>(options, std::move(groups));
  if (options.name == "lars") return std::make_unique<Lars>(options, std::move(groups));
  if (options.name == "lamb") return std::make_unique<Lamb>(options, std::move(groups));
  CATAMARAN_ASSERT(options.name == "adamw", "the optimizer's name was checked");
  return std::make_unique<AdamW>(options, std::move(groups));
}

GroupedTensors zeros_like_each(const std::vector<ParameterGroup>& groups) {
  GroupedTensors zeros;
  for (const ParameterGroup& group : groups) {
    zeros.emplace_back();
    for (const torch::Tensor& parameter : group.parameters)
      zeros.back().push_back(torch::zeros_like(parameter).detach());
  }
  return zeros;
}

void append_state(NamedTensors& state, const std::string& kind,
                  const std::vector<ParameterGroup>& groups, const GroupedTensors& tensors) {
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t i = 0; i < tensors[g].size(); ++i)
      state.emplace_back(kind + "/" + groups[g].names[i], tensors[g][i]);
  }
}

void Optimizer::load_state(const std::map<std::string, torch::Tensor>& saved,
                           const std::string& where) {
  const torch::NoGradGuard no_grad;
  const NamedTensors live = state();
  for (const auto& [name, tensor] : live) {
    const auto found = saved.find(name);
    if (found == saved.end() || found->second.sizes() != tensor.sizes()) {
      throw WeightsError("the optimizer's state '" + name + "' is missing or of another shape",
                         where,
                         "the checkpoint belongs to another model or optimizer; start with "
                         "--resume never in a new folder");
    }
  }
  if (saved.size() != live.size()) {
    throw WeightsError("it holds " + std::to_string(saved.size()) +
                           " optimizer tensors, this run has " + std::to_string(live.size()),
                       where, "the checkpoint belongs to another model or optimizer");
  }
  for (const auto& [name, tensor] : live) tensor.copy_(saved.at(name));
}

void scale_gradients(const torch::Tensor& flat, double factor) { torch::Tensor(flat).mul_(factor); }

double gradient_norm(const torch::Tensor& flat) {
  return at::linalg_vector_norm(flat, 2).item<double>();
}

}  // namespace catamaran
