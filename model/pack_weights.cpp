#include "model/pack_weights.h"

#include "model/packable.h"
#include "support/assert.h"

namespace catamaran {

void pack_weights(CatImpl& cat) {
  CATAMARAN_ASSERT(!cat.is_training(), "packed weights do not change");
  for (const auto& module : cat.modules()) {
    if (auto* layer = dynamic_cast<Packable*>(module.get())) layer->pack();
  }
}

}  // namespace catamaran
