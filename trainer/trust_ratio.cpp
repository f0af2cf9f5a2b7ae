#include "trainer/trust_ratio.h"

namespace catamaran {

TrustedTensors::TrustedTensors(const std::vector<ParameterGroup>& groups,
                               const std::function<bool(const ParameterGroup&)>& trusted) {
  for (const ParameterGroup& group : groups) {
    if (!trusted(group)) continue;
    weights_.insert(weights_.end(), group.parameters.begin(), group.parameters.end());
    updates_.insert(updates_.end(), group.gradients.begin(), group.gradients.end());
    rate_factors_.resize(weights_.size(), group.rate_factor);
  }
}

std::vector<double> TrustedTensors::ratios(const Ratio& ratio) const {
  std::vector<double> factors(weights_.size(), 1.0);
  if (weights_.empty()) return factors;
  std::vector<torch::Tensor> norms = at::_foreach_norm(weights_, 2);
  for (const torch::Tensor& norm : at::_foreach_norm(updates_, 2)) norms.push_back(norm);
  const torch::Tensor on_host = torch::stack(norms).to(torch::kCPU);
  const float* norm = on_host.const_data_ptr<float>();
  for (size_t i = 0; i < factors.size(); ++i) {
    const double weight = norm[i];
    const double update = norm[factors.size() + i];
    if (weight > 0 && update > 0) factors[i] = ratio(weight, update, rate_factors_[i]);
  }
  return factors;
}

void TrustedTensors::scale_updates(const std::vector<double>& factors) {
  if (updates_.empty()) return;
  const std::vector<at::Scalar> scalars(factors.begin(), factors.end());
  at::_foreach_mul_(updates_, scalars);
}

void TrustedTensors::add_decay(double decay) {
  if (decay != 0 && !updates_.empty()) at::_foreach_add_(updates_, weights_, decay);
}

}  // namespace catamaran
