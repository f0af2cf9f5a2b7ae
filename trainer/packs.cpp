#include "trainer/packs.h"

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "comm/agreement.h"
#include "dataio/pack_check.h"
#include "dataio/pack_staging.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {

namespace {

constexpr double kStagingPatience = 300;  // seconds without a byte more

// The copy on this node's disk. A copy may take longer than a collective may: while it is made,
// ranks ask each other whether everybody is ready.
std::shared_ptr<const PackReader> staged(const std::shared_ptr<const PackReader>& pack,
                                         const DataOptions& options, ProcessGroup& group) {
  constexpr std::chrono::milliseconds kBetweenQuestions(50);
  const StagingOptions staging = {.patience_seconds = kStagingPatience,
                                  .progress = group.is_root()};
  // On a thread that nobody waits for: where a rank is lost meanwhile, this one must end, too.
  std::packaged_task<std::filesystem::path()> task(
      [pack, scratch = options.stage, staging] { return stage_pack(*pack, scratch, staging); });
  std::future<std::filesystem::path> copy = task.get_future();
  std::thread(std::move(task)).detach();
  for (double busy = 1; busy > 0;) {
    busy = copy.wait_for(kBetweenQuestions) == std::future_status::ready ? 0 : 1;
    group.host().all_reduce(&busy, 1, DataType::kFloat64, ReduceOp::kMax);
  }
  return std::make_shared<const PackReader>(copy.get());
}

void stage(RunPacks& packs, const DataOptions& options, ProcessGroup& group) {
  packs.train_source = packs.train->folder().string();
  packs.train = staged(packs.train, options, group);
  if (!packs.eval) return;
  packs.eval_source = packs.eval->folder().string();
  packs.eval = staged(packs.eval, options, group);
}

}  // namespace

RunPacks open_packs(const DataOptions& options, ProcessGroup& group) {
  RunPacks packs;
  packs.train = std::make_shared<const PackReader>(options.train);
  if (!options.eval.empty()) packs.eval = std::make_shared<const PackReader>(options.eval);
  require_same_everywhere(group, "the training pack", packs.train->fingerprint());
  if (!options.stage.empty()) stage(packs, options, group);
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
