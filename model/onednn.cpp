#include "model/onednn.h"

#include <ATen/autocast_mode.h>

#include <utility>

namespace catamaran::onednn {
namespace {

std::optional<c10::OperatorHandle> find_operator(const OperatorName& wanted) {
  const auto found = c10::Dispatcher::singleton().findSchema({wanted.name, wanted.overload});
  return found && found->schema().arguments().size() == wanted.arguments ? found : std::nullopt;
}

}  // namespace

std::optional<Operators> find_operators(const OperatorName& unary, const OperatorName& binary,
                                        const OperatorName& reorder) {
  const auto a = find_operator(unary);
  const auto b = find_operator(binary);
  const auto c = find_operator(reorder);
  if (!a || !b || !c) return std::nullopt;
  return Operators{*a, *b, *c};
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
