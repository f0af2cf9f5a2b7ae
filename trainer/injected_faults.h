// InjectedFaults: does to this rank what testing.fault asks for (trainer/fault_plan.h). Without one
// each call is a branch.
//
//   InjectedFaults faults(options.testing, rank);
//   faults.before_step(t + 1);
//   loss.sum.backward(faults.seed(scaler.seed(), t + 1));
//
// Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/fault_plan.h"

namespace catamaran {

class InjectedFaults {
 public:
  InjectedFaults(const TestingOptions& options, int rank);

  bool any() const { return !faults_.empty(); }
  // May throw, end the process, or never return.
  void before_step(int64_t step);
  ExchangeFault in_exchange(int64_t step) const;
  // Of backward: undefined stands for 1.
  torch::Tensor seed(const torch::Tensor& seed, int64_t step) const;
  double loss_factor(int64_t step) const;
  // Flips the lowest bit of a number in the middle of the first tensor; of the buffers, of floats.
  void after_step(int64_t step, const torch::Tensor& weights, const NamedTensors& optimizer,
                  const NamedTensors& average, const NamedTensors& buffers) const;
  void in_probe(int64_t step, const torch::Tensor& gradients) const;

 private:
  const PlannedFault* find(int64_t step, const std::string& kind) const;

  std::vector<PlannedFault> faults_;  // of this rank
  std::vector<char> hoarded_;
};

}  // namespace catamaran
