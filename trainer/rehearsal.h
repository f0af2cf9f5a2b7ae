// The rehearsal before the first step: one forward and backward on two grey pictures, or one where
// a rank's micro-batch is one, to see in which order gradients get ready, and from that the layout
// of the flat memories.
//
//   ArenaLayout layout = arena_layout(parts, precision, loss, group);
//
// Rank 0 warns of parameters that get no gradient, by name: they are exchanged as zeros, not waited
// for. Buffers (batch norm's statistics) are left as they were. Collective. Only the thread that
// runs the step loop.
#pragma once

#include "model/losses.h"
#include "trainer/arena_layout.h"
#include "trainer/precision.h"
#include "trainer/trainer_parts.h"

namespace catamaran {

ArenaLayout arena_layout(TrainerParts& parts, const Precision& precision, const Loss& loss,
                         ProcessGroup& group);

}  // namespace catamaran
