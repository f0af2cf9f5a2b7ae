#include "trainer/loss_scaler.h"

#include <algorithm>
#include <cmath>

namespace catamaran {
namespace {

// Within these, fp32 holds the seed and its reciprocal whatever the batch.
constexpr double kSmallestScale = 1.0 / (1 << 24);
constexpr double kLargestScale = 1 << 24;

}  // namespace

LossScaler::LossScaler(const PrecisionOptions& options, int64_t labels_of_global_batch,
                       const torch::Device& device, bool active)
    : options_(options),
      device_(device),
      active_(active),
      shrink_(active_
                  ? std::exp2(-std::ceil(std::log2(static_cast<double>(labels_of_global_batch))))
                  : 1),
      scale_(active_ ? options.loss_scale : 1) {}

torch::Tensor LossScaler::seed() const {
  if (!active_) return {};
  return torch::full({}, scale_ * shrink_,
                     torch::TensorOptions().dtype(torch::kFloat32).device(device_));
}

void LossScaler::update(bool applied) {
  if (!active_) return;
  applied_in_row_ = applied ? applied_in_row_ + 1 : 0;
  double factor = applied ? 1 : options_.backoff;
  if (applied_in_row_ == options_.growth_interval) {
    factor = options_.growth;
    applied_in_row_ = 0;
  }
  scale_ = std::clamp(scale_ * factor, kSmallestScale, kLargestScale);
}

void LossScaler::restore(double scale, int64_t applied_in_row) {
  if (!active_) return;
  scale_ = scale;
  applied_in_row_ = applied_in_row;
}

}  // namespace catamaran
