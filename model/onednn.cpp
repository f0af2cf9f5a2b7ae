#include "model/onednn.h"

#include <ATen/autocast_mode.h>

#include <utility>

namespace catamaran::onednn {

std::optional<c10::OperatorHandle> find_operator(const char* name, const char* overload,
                                                 size_t arguments) {
  const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  return found && found->schema().arguments().size() == arguments ? found : std::nullopt;
}

torch::Tensor call(const c10::OperatorHandle& op, torch::jit::Stack arguments) {
  op.callBoxed(arguments);
  return std::move(arguments.front()).toTensor();
}

bool applies(const torch::Tensor& x, const torch::Tensor& weight) {
  return x.device().is_cpu() && x.scalar_type() == torch::kFloat32 &&
         weight.scalar_type() == torch::kFloat32 && !at::GradMode::is_enabled() &&
         !at::autocast::is_autocast_enabled(at::kCPU) && at::globalContext().userEnabledMkldnn();
}

}  // namespace catamaran::onednn
