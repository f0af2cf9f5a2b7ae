#include "trainer/packs.h"

#include "comm/agreement.h"
#include "dataio/pack_check.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {

RunPacks open_packs(const DataOptions& options, ProcessGroup& group) {
  RunPacks packs;
  packs.train = std::make_unique<PackReader>(options.train);
  if (!options.eval.empty()) packs.eval = std::make_unique<PackReader>(options.eval);
  require_same_everywhere(group, "the training pack", packs.train->fingerprint());
  if (!packs.eval) return packs;
  require_same_everywhere(group, "the evaluation pack", packs.eval->fingerprint());
  require_same_classes(*packs.train, *packs.eval);
  const std::vector<PackOverlap> shared = overlap(*packs.train, *packs.eval);
  if (shared.empty()) return packs;
  const std::string what = std::to_string(shared.size()) + " images are in both packs (first: '" +
                           shared.front().first_id + "' is '" + shared.front().second_id + "')";
  if (!options.allow_overlap) {
    throw DataError(what, options.train + " and " + options.eval,
                    "evaluate on images that were not trained on, or set data.allow_overlap = "
                    "true, which the manifest records");
  }
  if (group.is_root()) log::warn(what + "; data.allow_overlap lets it pass");
  return packs;
}

}  // namespace catamaran
