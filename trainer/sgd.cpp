#include "trainer/sgd.h"

#include <ATen/ops/_fused_sgd.h>

#include <utility>

namespace catamaran {

Sgd::Sgd(const OptimizerOptions& options, std::vector<ParameterGroup> groups)
    : momentum_(options.momentum),
      nesterov_(options.nesterov),
      groups_(std::move(groups)),
      velocity_(zeros_like_each(groups_)) {}

// The velocity starts at zero, which gives torch.optim's first step too. Without momentum LibTorch
// wants no buffers.
void Sgd::step(double learning_rate) {
  for (size_t g = 0; g < groups_.size(); ++g) {
    ParameterGroup& group = groups_[g];
    at::_fused_sgd_(group.parameters, group.gradients,
                    momentum_ == 0 ? at::TensorList() : at::TensorList(velocity_[g]),
                    group.weight_decay, momentum_, learning_rate * group.rate_factor,
                    /*dampening=*/0, nesterov_, /*maximize=*/false, /*is_first_step=*/false);
  }
}

NamedTensors Sgd::state() const {
  NamedTensors state;
  append_state(state, "momentum", groups_, velocity_);
  return state;
}

}  // namespace catamaran
