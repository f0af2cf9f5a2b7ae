#include "trainer/injected_faults.h"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <new>
#include <thread>

#include "support/error.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kMiB = 1 << 20;
constexpr int32_t kLowestBit = 1;
constexpr int32_t kExponentBit = 1 << 24;

void flip(const torch::Tensor& tensor, int32_t bit) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor bits = tensor.detach().view(torch::kInt32).reshape({-1});
  torch::Tensor one = bits[bits.numel() / 2];
  one.bitwise_xor_(bit);
}

}  // namespace

InjectedFaults::InjectedFaults(const TestingOptions& options, int rank) {
  if (!options.enabled) return;
  for (const PlannedFault& fault : parse_faults(options.fault)) {
    if (fault.rank != rank) continue;
    faults_.push_back(fault);
    log::warn(
        text("testing.fault: %s at step %ld of rank %d", fault.kind.c_str(), fault.step, rank));
  }
}

const PlannedFault* InjectedFaults::find(int64_t step, const std::string& kind) const {
  for (const PlannedFault& fault : faults_) {
    if (fault.step == step && fault.kind == kind) return &fault;
  }
  return nullptr;
}

void InjectedFaults::before_step(int64_t step) {
  if (faults_.empty()) return;
  if (find(step, "throw") != nullptr)
    throw DataError("an injected fault", text("step %ld", step), "leave testing.fault out");
  if (find(step, "exit") != nullptr) ::_exit(1);
  if (find(step, "bad_alloc") != nullptr) throw std::bad_alloc();
  if (const PlannedFault* hoard = find(step, "hoard"); hoard != nullptr)
    hoarded_.assign(static_cast<size_t>(hoard->value * kMiB), '\1');  // each page is touched
  for (const PlannedFault& fault : faults_) {
    if (fault.kind == "slow" && step >= fault.step)
      std::this_thread::sleep_for(std::chrono::duration<double>(fault.value));
  }
  while (find(step, "sleep") != nullptr) std::this_thread::sleep_for(std::chrono::seconds(1));
  for (volatile int rounds = 0; find(step, "spin") != nullptr;) rounds = rounds + 1;
}

ExchangeFault InjectedFaults::in_exchange(int64_t step) const {
  if (faults_.empty()) return ExchangeFault::kNone;
  if (find(step, "skip_bucket") != nullptr) return ExchangeFault::kSkip;
  if (find(step, "swap_buckets") != nullptr) return ExchangeFault::kSwap;
  return find(step, "cut_bucket") != nullptr ? ExchangeFault::kCut : ExchangeFault::kNone;
}

torch::Tensor InjectedFaults::seed(const torch::Tensor& seed, int64_t step) const {
  if (faults_.empty()) return seed;
  const bool nan = find(step, "nan_gradient") != nullptr;
  const double factor = nan ? std::numeric_limits<double>::quiet_NaN() : loss_factor(step);
  if (factor == 1) return seed;
  return (seed.defined() ? seed : torch::ones({})) * factor;
}

double InjectedFaults::loss_factor(int64_t step) const {
  const PlannedFault* const fault = faults_.empty() ? nullptr : find(step, "scale_loss");
  return fault == nullptr ? 1 : fault->value;
}

void InjectedFaults::after_step(int64_t step, const torch::Tensor& weights,
                                const NamedTensors& optimizer, const NamedTensors& average,
                                const NamedTensors& buffers) const {
  if (faults_.empty()) return;
  if (find(step, "flip_weight") != nullptr) flip(weights, kLowestBit);
  if (find(step, "flip_optimizer") != nullptr && !optimizer.empty())
    flip(optimizer.front().second, kLowestBit);
  if (find(step, "flip_average") != nullptr && !average.empty())
    flip(average.front().second, kLowestBit);
  if (find(step, "flip_buffer") == nullptr) return;
  for (const auto& [name, tensor] : buffers) {
    if (tensor.scalar_type() == torch::kFloat32) return flip(tensor, kLowestBit);
  }
}

void InjectedFaults::in_probe(int64_t step, const torch::Tensor& gradients) const {
  if (!faults_.empty() && find(step, "flip_gradient") != nullptr) flip(gradients, kExponentBit);
}

}  // namespace catamaran
