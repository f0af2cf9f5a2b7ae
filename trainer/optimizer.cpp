#include "trainer/optimizer.h"

#include <utility>

#include "support/assert.h"
#include "support/error.h"
#include "trainer/adamw.h"
#include "trainer/lamb.h"
#include "trainer/lars.h"
#include "trainer/sgd.h"

namespace catamaran {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          const NamedTensors& parameters,
                                          const ParameterArena& arena) {
  GroupedArena places(options, parameters, arena);
  if (options.name == "sgd") return std::make_unique<Sgd>(options, std::move(places));
  if (options.name == "lars") return std::make_unique<Lars>(options, std::move(places));
  if (options.name == "lamb") return std::make_unique<Lamb>(options, std::move(places));
  CATAMARAN_ASSERT(options.name == "adamw", "the optimizer's name was checked");
  return std::make_unique<AdamW>(options, std::move(places));
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

}  // namespace catamaran
