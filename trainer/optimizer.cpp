#include "trainer/optimizer.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>

#include <array>
#include <cmath>
#include <utility>

#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

void append_state(NamedTensors& state, const std::string& kind, const ParameterGroup& group,
                  const std::vector<torch::Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i)
    state.emplace_back(kind + "/" + group.names[i], tensors[i]);
}

std::vector<torch::Tensor> zeros_like_each(const std::vector<torch::Tensor>& parameters) {
  std::vector<torch::Tensor> zeros;
  for (const torch::Tensor& parameter : parameters)
    zeros.push_back(torch::zeros_like(parameter).detach());
  return zeros;
}

double rate_of(const ParameterGroup& group, double learning_rate, const OptimizerOptions& options) {
  return group.backbone ? learning_rate * options.backbone_ratio : learning_rate;
}

double decay_of(const ParameterGroup& group, const OptimizerOptions& options) {
  return group.decayed ? options.weight_decay : 0.0;
}

// v = momentum v + g + decay w; w -= rate v. The buffer starts at zero, which gives torch.optim's
// first step too. Without momentum LibTorch wants no buffers.
class Sgd : public Optimizer {
 public:
  Sgd(OptimizerOptions options, std::vector<ParameterGroup> groups)
      : options_(std::move(options)), groups_(std::move(groups)) {
    for (const ParameterGroup& group : groups_)
      momentum_.push_back(zeros_like_each(group.parameters));
  }
  void step(double learning_rate) override {
    for (size_t g = 0; g < groups_.size(); ++g) {
      ParameterGroup& group = groups_[g];
      at::_fused_sgd_(group.parameters, group.gradients,
                      options_.momentum == 0 ? at::TensorList() : at::TensorList(momentum_[g]),
                      decay_of(group, options_), options_.momentum,
                      rate_of(group, learning_rate, options_), /*dampening=*/0,
                      /*nesterov=*/false, /*maximize=*/false,
                      /*is_first_step=*/false);
    }
  }
  NamedTensors state() const override {
    NamedTensors state;
    for (size_t g = 0; g < groups_.size(); ++g)
      append_state(state, "momentum", groups_[g], momentum_[g]);
    return state;
  }

 private:
  OptimizerOptions options_;
  std::vector<ParameterGroup> groups_;
  std::vector<std::vector<torch::Tensor>> momentum_;
};

class AdamW : public Optimizer {
 public:
  AdamW(OptimizerOptions options, std::vector<ParameterGroup> groups)
      : options_(std::move(options)), groups_(std::move(groups)) {
    for (const ParameterGroup& group : groups_) {
      mean_.push_back(zeros_like_each(group.parameters));
      square_.push_back(zeros_like_each(group.parameters));
      steps_.emplace_back();
      for (const torch::Tensor& parameter : group.parameters) {
        steps_.back().push_back(torch::zeros(
            {}, torch::TensorOptions().dtype(torch::kFloat32).device(parameter.device())));
      }
    }
  }
  void step(double learning_rate) override {
    for (size_t g = 0; g < groups_.size(); ++g) {
      ParameterGroup& group = groups_[g];
      at::_foreach_add_(steps_[g], 1.0);
      at::_fused_adamw_(group.parameters, group.gradients, mean_[g], square_[g],
                        /*max_exp_avg_sqs=*/{}, steps_[g], rate_of(group, learning_rate, options_),
                        options_.beta1, options_.beta2, decay_of(group, options_), options_.epsilon,
                        /*amsgrad=*/false, /*maximize=*/false);
    }
  }
  NamedTensors state() const override {
    NamedTensors state;
    for (size_t g = 0; g < groups_.size(); ++g) {
      append_state(state, "exp_avg", groups_[g], mean_[g]);
      append_state(state, "exp_avg_sq", groups_[g], square_[g]);
      append_state(state, "step", groups_[g], steps_[g]);
    }
    return state;
  }

 private:
  OptimizerOptions options_;
  std::vector<ParameterGroup> groups_;
  std::vector<std::vector<torch::Tensor>> mean_;
  std::vector<std::vector<torch::Tensor>> square_;
  std::vector<std::vector<torch::Tensor>> steps_;
};

}  // namespace

std::vector<ParameterGroup> group_parameters(const NamedTensors& parameters,
                                             const std::vector<torch::Tensor>& gradients) {
  CATAMARAN_ASSERT(parameters.size() == gradients.size(),
                   "the reducer was made from the same parameters");
  std::array<ParameterGroup, 4> by_kind;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    const bool backbone = name.starts_with("backbone.");
    const bool decayed = parameter.dim() >= 2;
    ParameterGroup& group = by_kind[(backbone ? 2u : 0u) + (decayed ? 1u : 0u)];
    group.backbone = backbone;
    group.decayed = decayed;
    group.names.push_back(name);
    group.parameters.push_back(
        parameter.detach());  // shares memory; fused kernels write without autograd's checks
    group.gradients.push_back(gradients[i]);
  }
  std::vector<ParameterGroup> groups;
  for (ParameterGroup& group : by_kind) {
    if (!group.names.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          const NamedTensors& parameters,
                                          const std::vector<torch::Tensor>& gradients) {
  std::vector<ParameterGroup> groups = group_parameters(parameters, gradients);
  if (options.name == "sgd") return std::make_unique<Sgd>(options, std::move(groups));
  CATAMARAN_ASSERT(options.name == "adamw", "the optimizer's name was checked");
  return std::make_unique<AdamW>(options, std::move(groups));
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

void scale_gradients(const std::vector<torch::Tensor>& flat, double factor) {
  for (const torch::Tensor& part : flat) part.mul_(factor);
}

double gradient_norm(const std::vector<torch::Tensor>& flat) {
  if (flat.empty()) return 0;
  std::vector<torch::Tensor> norms;
  for (const torch::Tensor& part : flat) norms.push_back(at::linalg_vector_norm(part, 2));
  return at::linalg_vector_norm(torch::stack(norms), 2).item<double>();
}

}  // namespace catamaran
