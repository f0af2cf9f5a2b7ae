#include "trainer/adamw.h"

#include <ATen/ops/_fused_adamw.h>

#include <utility>

namespace catamaran {

AdamW::AdamW(const OptimizerOptions& options, std::vector<ParameterGroup> groups)
    : beta1_(options.beta1),
      beta2_(options.beta2),
      epsilon_(options.epsilon),
      groups_(std::move(groups)),
      mean_(zeros_like_each(groups_)),
      square_(zeros_like_each(groups_)) {
  for (const ParameterGroup& group : groups_) {
    steps_.emplace_back();
    for (const torch::Tensor& parameter : group.parameters) {
      steps_.back().push_back(torch::zeros(
          {}, torch::TensorOptions().dtype(torch::kFloat32).device(parameter.device())));
    }
  }
}

void AdamW::step(double learning_rate) {
  for (size_t g = 0; g < groups_.size(); ++g) {
    ParameterGroup& group = groups_[g];
    at::_foreach_add_(steps_[g], 1.0);
    at::_fused_adamw_(group.parameters, group.gradients, mean_[g], square_[g],
                      /*max_exp_avg_sqs=*/{}, steps_[g], learning_rate * group.rate_factor, beta1_,
                      beta2_, group.weight_decay, epsilon_, /*amsgrad=*/false, /*maximize=*/false);
  }
}

NamedTensors AdamW::state() const {
  NamedTensors state;
  append_state(state, "exp_avg", groups_, mean_);
  append_state(state, "exp_avg_sq", groups_, square_);
  append_state(state, "step", groups_, steps_);
  return state;
}

}  // namespace catamaran
