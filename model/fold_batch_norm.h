// Batch norm folded into the convolutions before it, for inference: in eval mode batch norm is a
// scale and a shift per channel, which weight and a bias of the convolution take over.
//
//   cat->eval();
//   fold_batch_norm(*cat);                 // logits as before to rounding, one pass less a layer
//
// Returns how many pairs were folded; 0 for a backbone without batch norm, which stays as it is.
// One way: a folded model has conv*.bias instead of bn*.*, no trained parameter in its backbone,
// and the buffer kFoldedMark in its state, by which save_model and CatImpl::train refuse it. Fold a
// model that was read for inference, never the one that is trained. From the first forward on its
// convolutions use copies of their weights (model/packed_convolution.h). Errors: std::logic_error
// (CATAMARAN_ASSERT) in training mode or when folded already. Only the thread that owns the model.
#pragma once

#include "model/cat.h"

namespace catamaran {

int64_t fold_batch_norm(CatImpl& cat);

}  // namespace catamaran
