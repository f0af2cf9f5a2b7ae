#include "trainer/sgd.h"

#include <utility>

namespace catamaran {

Sgd::Sgd(const OptimizerOptions& options, GroupedArena places)
    : momentum_(options.momentum),
      nesterov_(options.nesterov),
      places_(std::move(places)),
      velocity_(places_.zeros()) {}

void Sgd::step(double learning_rate, double gradient_factor) {
  const FlatMemories memories = places_.memories(velocity_);
  for (const ArenaGroup& group : places_.groups()) {
    sgd_update(memories, group.segments,
               {.rate = learning_rate * group.kind.rate_factor,
                .gradient_factor = gradient_factor,
                .decay = group.kind.weight_decay,
                .momentum = momentum_,
                .nesterov = nesterov_});
  }
}

NamedTensors Sgd::state() const {
  NamedTensors state;
  places_.append_state(state, "momentum", velocity_);
  return state;
}

}  // namespace catamaran
