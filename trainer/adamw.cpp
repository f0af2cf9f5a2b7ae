#include "trainer/adamw.h"

#include <utility>

namespace catamaran {

AdamW::AdamW(const OptimizerOptions& options, GroupedArena places)
    : beta1_(options.beta1),
      beta2_(options.beta2),
      epsilon_(options.epsilon),
      places_(std::move(places)),
      mean_(places_.zeros()),
      square_(places_.zeros()),
      steps_(torch::zeros({static_cast<int64_t>(places_.names().size())}, torch::kFloat32)) {}

void AdamW::step(double learning_rate, double gradient_factor) {
  if (places_.names().empty()) return;
  steps_.add_(1);
  const FlatMemories memories = places_.memories(mean_, square_);
  for (const ArenaGroup& group : places_.groups()) {
    adamw_update(memories, group.segments,
                 {.rate = learning_rate * group.kind.rate_factor,
                  .gradient_factor = gradient_factor,
                  .decay = group.kind.weight_decay,
                  .beta1 = beta1_,
                  .beta2 = beta2_,
                  .epsilon = epsilon_,
                  .t = steps_[0].item<double>()});
  }
}

NamedTensors AdamW::state() const {
  NamedTensors state;
  places_.append_state(state, "exp_avg", mean_);
  places_.append_state(state, "exp_avg_sq", square_);
  for (const ArenaGroup& group : places_.groups()) {
    for (const size_t p : group.kind.members)
      state.emplace_back("step/" + places_.names()[p], steps_[static_cast<int64_t>(p)]);
  }
  return state;
}

}  // namespace catamaran
