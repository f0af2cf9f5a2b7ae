// An arena for tests of optimizers: laid out by their groups, backward in the reverse order of the
// parameters, in a world of one.
#pragma once

#include <memory>
#include <vector>

#include "comm/self_communicator.h"
#include "trainer/parameter_arena.h"
#include "trainer/parameter_groups.h"
#include "trainer/trainer_parts.h"

namespace catamaran {

inline std::unique_ptr<ParameterArena> optimizer_arena(const OptimizerOptions& options,
                                                       const NamedTensors& parameters) {
  static SelfCommunicator alone;
  const std::vector<torch::Tensor> tensors = tensors_of(parameters);
  const ArenaContents contents = contents_of(tensors, group_numbers(options, parameters));
  const BucketSizes sizes{.first = 64, .middle = 1 << 20, .last = 64};
  return std::make_unique<ParameterArena>(tensors, lay_out(contents, sizes), alone, torch::kCPU);
}

}  // namespace catamaran
