// A layout for tests: one group, backward in the reverse order of the parameters.
#pragma once

#include <torch/torch.h>

#include <numeric>
#include <vector>

#include "trainer/arena_layout.h"

namespace catamaran {

inline ArenaLayout plain_layout(const std::vector<torch::Tensor>& parameters,
                                const BucketSizes& sizes = {.first = 16, .middle = 75, .last = 16},
                                size_t unused = 0) {
  ArenaContents contents;
  for (const torch::Tensor& parameter : parameters) contents.elements.push_back(parameter.numel());
  contents.group.assign(parameters.size(), 0);
  contents.order.resize(parameters.size());
  std::iota(contents.order.rbegin(), contents.order.rend(), size_t{0});
  contents.unused = unused;
  return lay_out(contents, sizes);
}

}  // namespace catamaran
