#include "trainer/lars.h"

#include <algorithm>
#include <utility>

namespace catamaran {
namespace {

std::vector<ParameterGroup> without_decay(std::vector<ParameterGroup> groups) {
  for (ParameterGroup& group : groups) group.weight_decay = 0;
  return groups;
}

}  // namespace

Lars::Lars(OptimizerOptions options, const std::vector<ParameterGroup>& groups)
    : options_(std::move(options)),
      trusted_(groups,
               [moco = options_.lars_variant == "moco"](const ParameterGroup& group) {
                 return moco ? group.decayed : group.weight_decay != 0;
               }),
      sgd_(options_, without_decay(groups)) {}

void Lars::step(double learning_rate) {
  const double decay = options_.weight_decay;
  if (options_.lars_variant == "moco") {  // its denominator is the decayed gradient
    trusted_.add_decay(decay);
    trusted_.scale_updates(ratios(learning_rate));
  } else {
    const std::vector<double> factors = ratios(learning_rate);
    trusted_.add_decay(decay);
    trusted_.scale_updates(factors);
  }
  sgd_.step(learning_rate);
}

std::vector<double> Lars::ratios(double learning_rate) const {
  const double c = options_.trust_coefficient;
  if (options_.lars_variant == "moco") {
    return trusted_.ratios(
        [c](double weight, double update, double /*rate_factor*/) { return c * weight / update; });
  }
  const bool clip = options_.lars_variant == "larc";
  return trusted_.ratios([&](double weight, double gradient, double rate_factor) {
    const double ratio =
        c * weight / (gradient + options_.weight_decay * weight + options_.epsilon);
    return clip ? std::min(1.0, ratio / (learning_rate * rate_factor)) : ratio;
  });
}

}  // namespace catamaran
