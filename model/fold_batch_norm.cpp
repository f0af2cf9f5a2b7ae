#include "model/fold_batch_norm.h"

#include "support/assert.h"

namespace catamaran {

int64_t fold_batch_norm(CatImpl& cat) {
  CATAMARAN_ASSERT(!cat.is_training(), "folding uses the running statistics of eval mode");
  CATAMARAN_ASSERT(!cat.backbone().folded(), "a model is folded once");
  return cat.backbone().fold_all_batch_norms();
}

}  // namespace catamaran
