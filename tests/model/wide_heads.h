// Heads whose logits are of order one, around zero: for tests that compare logits, since new heads
// have a large bias, beside which a difference of features is rounded away.
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include "model/cat.h"

namespace catamaran {

inline void widen_heads(CatImpl& cat) {
  const torch::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(8);
  for (auto& item : cat.named_parameters()) {
    if (item.key().ends_with("fc.weight")) item.value().normal_(0, 0.25, generator);
    if (item.key().ends_with("fc.bias")) item.value().normal_(0, 0.1, generator);
  }
}

}  // namespace catamaran
