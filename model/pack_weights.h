// Layers that compute faster once their weights no longer change: for inference they keep a copy of
// the weight in the order in which the processor reads it, and do what follows in the same pass.
//
//   pack_weights(*cat);                    // in eval mode; logits as before to rounding
//
// Going back to training mode drops the copies; in eval mode the weights must not be written to.
// The state dict does not change. Errors: std::logic_error (CATAMARAN_ASSERT) in training mode.
// Only the thread that owns the model.
#pragma once

#include "model/cat.h"

namespace catamaran {

void pack_weights(CatImpl& cat);

}  // namespace catamaran
