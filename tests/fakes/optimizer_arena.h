// An arena for tests of optimizers: laid out by their groups, backward in the reverse order of the
// parameters, in a world of one.
#pragma once

#include <memory>
#include <numeric>

#include "comm/self_communicator.h"
#include "trainer/parameter_arena.h"
#include "trainer/parameter_groups.h"

namespace catamaran {

inline std::unique_ptr<ParameterArena> optimizer_arena(const OptimizerOptions& options,
                                                       const NamedTensors& parameters) {
  static SelfCommunicator alone;
  std::vector<torch::Tensor> tensors;
  ArenaContents contents;
  for (const auto& [name, tensor] : parameters) {
    tensors.push_back(tensor);
    contents.elements.push_back(tensor.numel());
  }
  contents.group = group_numbers(options, parameters);
  contents.order.resize(parameters.size());
  std::iota(contents.order.rbegin(), contents.order.rend(), size_t{0});
  const BucketSizes sizes{.first = 64, .middle = 1 << 20, .last = 64};
  return std::make_unique<ParameterArena>(tensors, lay_out(contents, sizes), alone, torch::kCPU);
}

}  // namespace catamaran
