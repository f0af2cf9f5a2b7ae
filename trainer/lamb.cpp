#include "trainer/lamb.h"

#include <algorithm>
#include <utility>

namespace catamaran {

Lamb::Lamb(OptimizerOptions options, GroupedArena places)
    : options_(std::move(options)),
      places_(std::move(places)),
      mean_(places_.zeros()),
      square_(places_.zeros()),
      steps_(torch::zeros({}, torch::kInt64)) {}

void Lamb::step(double learning_rate, double gradient_factor) {
  steps_.add_(1);
  const FlatMemories memories = places_.memories(mean_, square_);
  const TrustRatio ratio = [cap = options_.trust_cap](double weight, double update) {
    return cap > 0 ? std::min(cap, weight / update) : weight / update;
  };
  for (const ArenaGroup& group : places_.groups()) {
    const AdamStep step{.rate = learning_rate * group.kind.rate_factor,
                        .gradient_factor = gradient_factor,
                        .decay = group.kind.weight_decay,
                        .beta1 = options_.beta1,
                        .beta2 = options_.beta2,
                        .epsilon = options_.epsilon,
                        .t = static_cast<double>(steps_.item<int64_t>())};
    if (group.kind.weight_decay != 0) {
      lamb_update(memories, group.slots, step, ratio);
    } else {
      adamw_update(memories, group.segments, step);
    }
  }
}

NamedTensors Lamb::state() const {
  NamedTensors state;
  places_.append_state(state, "exp_avg", mean_);
  places_.append_state(state, "exp_avg_sq", square_);
  state.emplace_back("step", steps_);
  return state;
}

}  // namespace catamaran
