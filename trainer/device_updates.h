// The passes of trainer/flat_updates.h by ATen's fused and foreach kernels, for GPUs: a few
// launches for all ranges. They work on the host as well, so tests compare the two there. Gradients
// are overwritten. Only the thread that runs the step loop.
#pragma once

#include "trainer/flat_updates.h"

namespace catamaran::device_updates {

void sgd(const FlatMemories& memories, const Ranges& ranges, const SgdStep& step);
void adamw(const FlatMemories& memories, const Ranges& ranges, const AdamStep& step);
void lars(const FlatMemories& memories, const Ranges& tensors, const LarsStep& step);
void lamb(const FlatMemories& memories, const Ranges& tensors, const AdamStep& step,
          const TrustRatio& ratio);

}  // namespace catamaran::device_updates
