#include "trainer/lamb.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace catamaran {

Lamb::Lamb(OptimizerOptions options, std::vector<ParameterGroup> groups)
    : options_(std::move(options)),
      groups_(std::move(groups)),
      trusted_(groups_, [](const ParameterGroup& group) { return group.weight_decay != 0; }),
      mean_(zeros_like_each(groups_)),
      square_(zeros_like_each(groups_)),
      steps_(torch::zeros({}, torch::kInt64)) {}

void Lamb::step(double learning_rate) {
  steps_.add_(1);
  const auto t = static_cast<double>(steps_.item<int64_t>());
  for (size_t g = 0; g < groups_.size(); ++g)
    gradients_become_updates(g, 1 - std::pow(options_.beta1, t), 1 - std::pow(options_.beta2, t));
  trusted_.add_decay(options_.weight_decay);
  trusted_.scale_updates(
      trusted_.ratios([cap = options_.trust_cap](double weight, double update, double /*factor*/) {
        return cap > 0 ? std::min(cap, weight / update) : weight / update;
      }));
  for (ParameterGroup& group : groups_)
    at::_foreach_add_(group.parameters, group.gradients, -learning_rate * group.rate_factor);
}

void Lamb::gradients_become_updates(size_t group, double correction1, double correction2) {
  std::vector<torch::Tensor>& g = groups_[group].gradients;
  at::_foreach_lerp_(mean_[group], g, 1 - options_.beta1);
  at::_foreach_mul_(square_[group], options_.beta2);
  at::_foreach_addcmul_(square_[group], g, g, 1 - options_.beta2);
  std::vector<torch::Tensor> denominators = at::_foreach_sqrt(square_[group]);
  at::_foreach_div_(denominators, std::sqrt(correction2));
  at::_foreach_add_(denominators, options_.epsilon);
  at::_foreach_copy_(g, mean_[group]);
  at::_foreach_div_(g, correction1);
  at::_foreach_div_(g, denominators);
}

NamedTensors Lamb::state() const {
  NamedTensors state;
  append_state(state, "exp_avg", groups_, mean_);
  append_state(state, "exp_avg_sq", groups_, square_);
  state.emplace_back("step", steps_);
  return state;
}

}  // namespace catamaran
