#include "trainer/precision.h"

#include "model/autocast.h"
#include "support/error.h"

namespace catamaran {
namespace {

at::ScalarType compute_type(const std::string& name) {
  if (name == "fp32") return torch::kFloat32;
  if (name == "bf16") return torch::kBFloat16;
  if (name == "fp16") return torch::kFloat16;
  throw UsageError("'" + name + "' is not known", "precision.compute", "use fp32, bf16 or fp16");
}

}  // namespace

Precision::Precision(const std::string& compute, const torch::Device& device)
    : compute_(compute_type(compute)), device_(device.type()) {}

CatOutput Precision::forward(CatImpl& cat, const torch::Tensor& x_BCHW) const {
  const Autocast scope(device_, compute_);
  return cat.forward(x_BCHW);
}

}  // namespace catamaran
