#include "trainer/plan.h"

#include <algorithm>

namespace catamaran {
namespace {

constexpr int64_t kFloat = 4;
constexpr int64_t kHalf = 2;
constexpr int64_t kReserve = int64_t{1} << 30;

// Values of state for each trained value: the two moments of AdamW and LAMB, the velocity of SGD
// and LARS.
int64_t state_values(const OptimizerOptions& optimizer) {
  return optimizer.name == "sgd" || optimizer.name == "lars" ? 1 : 2;
}

}  // namespace

int64_t MemoryPlan::largest_batch(int64_t device_bytes) const {
  return per_image > 0 ? std::max<int64_t>(0, (device_bytes - fixed()) / per_image) : 0;
}

MemoryPlan plan_memory(const RunOptions& options, const ModelCost& cost, ActivationType precision) {
  const PartCost total = cost.total();
  const bool reduced = precision == ActivationType::kBf16;
  return {.weights = kFloat * total.parameters,
          .gradients = kFloat * total.trained,
          .optimizer = kFloat * total.trained * state_values(options.optimizer),
          .ema = options.ema.decay > 0 ? kFloat * total.parameters : 0,
          .copies = reduced ? kHalf * total.parameters : 0,
          .reserve = kReserve,
          .per_image = reduced ? total.reduced_bytes : total.saved_bytes};
}

CheckpointPlan plan_checkpoints(const RunOptions& options, const ModelCost& cost) {
  const MemoryPlan memory = plan_memory(options, cost, ActivationType::kFp32);
  const CheckpointOptions& checkpoint = options.checkpoint;
  constexpr int64_t kBeingWritten = 1;
  const int64_t best = options.data.eval.empty() ? 0 : 1;
  CheckpointPlan plan;
  plan.bytes = memory.weights + memory.ema + memory.optimizer;
  if (checkpoint.keep_every_epochs > 0)
    plan.for_good = options.schedule.epochs / checkpoint.keep_every_epochs;
  plan.most = plan.for_good + checkpoint.keep + best + kBeingWritten;
  return plan;
}

}  // namespace catamaran
