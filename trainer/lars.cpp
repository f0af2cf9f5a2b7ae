#include "trainer/lars.h"

#include <algorithm>
#include <utility>

namespace catamaran {

Lars::Lars(OptimizerOptions options, GroupedArena places)
    : options_(std::move(options)), places_(std::move(places)), velocity_(places_.zeros()) {}

bool Lars::trusted(const ParameterGroup& group) const {
  return options_.lars_variant == "moco" ? group.decayed : group.weight_decay != 0;
}

void Lars::step(double learning_rate, double gradient_factor) {
  const FlatMemories memories = places_.memories(velocity_);
  for (const ArenaGroup& group : places_.groups()) {
    SgdStep sgd{.rate = learning_rate * group.kind.rate_factor,
                .gradient_factor = gradient_factor,
                .decay = 0,
                .momentum = options_.momentum,
                .nesterov = options_.nesterov};
    if (!trusted(group.kind)) {
      sgd_update(memories, group.segments, sgd);
      continue;
    }
    sgd.decay = options_.weight_decay;
    lars_update(memories, group.slots,
                {.sgd = sgd,
                 .norm_without_decay = options_.lars_variant != "moco",
                 .ratio = ratio(sgd.rate)});
  }
}

TrustRatio Lars::ratio(double rate) const {
  const double c = options_.trust_coefficient;
  if (options_.lars_variant == "moco")
    return [c](double weight, double update) { return c * weight / update; };
  const bool clip = options_.lars_variant == "larc";
  return [c, clip, rate, decay = options_.weight_decay, epsilon = options_.epsilon](
             double weight, double gradient) {
    const double ratio = c * weight / (gradient + decay * weight + epsilon);
    return clip ? std::min(1.0, ratio / rate) : ratio;
  };
}

NamedTensors Lars::state() const {
  NamedTensors state;
  places_.append_state(state, "momentum", velocity_);
  return state;
}

}  // namespace catamaran
