// A layout for tests: one group, backward in the reverse order of the parameters.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "trainer/parameter_arena.h"

namespace catamaran {

inline ArenaLayout plain_layout(const std::vector<torch::Tensor>& parameters,
                                const BucketSizes& sizes = {.first = 16, .middle = 75, .last = 16},
                                size_t unused = 0) {
  ArenaContents contents = contents_of(parameters, std::vector<size_t>(parameters.size(), 0));
  contents.unused = unused;
  return lay_out(contents, sizes);
}

}  // namespace catamaran
