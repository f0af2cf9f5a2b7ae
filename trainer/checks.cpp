// What the trainer looks at besides the numbers of a step: damaged samples, ranks that differ,
// processors that compute wrongly. All ranks see the same, so all end alike.
#include <algorithm>
#include <set>
#include <string>

#include "support/error.h"
#include "support/hash.h"
#include "support/text.h"
#include "trainer/consistency.h"
#include "trainer/gradient_probe.h"
#include "trainer/trainer.h"

namespace catamaran {

// A few damaged images are no reason to stop a run, many are: more than one in a thousand.
void Trainer::check_samples(const StepReport& report) {
  int64_t& substituted = parts_.position.substituted;
  if ((report.step - 1) % parts_.steps_per_epoch == 0) substituted = 0;
  substituted += report.all_bad_samples();
  const int64_t allowed = std::max<int64_t>(1, train_pack_.images() / 1000);
  if (substituted <= allowed) return;
  end_together();
  throw DataError(text("%ld images of epoch %ld could not be read or decoded, more than one in a "
                       "thousand",
                       substituted, report.epoch),
                  train_pack_.folder().string(),
                  "`catamaran check --decode` lists all of them; copy or pack the data again, then "
                  "--resume auto");
}

// What has the same bits on every rank. Batch norm's statistics have not where each rank takes its
// own, between averagings; those of all ranks, and those that are frozen, have.
NamedTensors Trainer::tensors_alike() const {
  NamedTensors all = parts_.parameters;
  for (const auto& named : optimizer_->state()) all.push_back(named);
  std::set<std::string> buffers;
  if (parts_.options.model.backbone.bn == "local") {
    for (const auto& [name, tensor] : ema_.average_buffers()) buffers.insert(name);
  } else {
    all.insert(all.end(), parts_.buffers.begin(), parts_.buffers.end());
  }
  for (const auto& [name, tensor] : ema_.average()) {
    if (!buffers.contains(name)) all.emplace_back("average/" + name, tensor);
  }
  return all;
}

void Trainer::check_consistency() {
  try {
    require_same_parameters(tensors_alike(), group_, parts_.position.step);
    monitor_.record_consistency_check(true);
  } catch (const NumericsError&) {
    monitor_.record_consistency_check(false);
    end_together();
    throw;
  }
}

void Trainer::probe() {
  try {
    require_same_gradients(hash_of_probe(), group_, parts_.position.step);
  } catch (const NumericsError&) {
    end_together();
    throw;
  }
}

// One micro-batch of noise, the same on all ranks; nothing is exchanged, and nothing of it stays.
uint64_t Trainer::hash_of_probe() {
  constexpr int64_t kImages = 4;
  const TraceSpan span(*trace_, "probe");
  const int64_t side = parts_.options.model.input.size;
  const int64_t images = std::min(kImages, parts_.batch.per_part);
  torch::manual_seed(parts_.options.seed + static_cast<uint64_t>(parts_.position.step));
  const torch::Tensor x_BCHW =
      torch::randn({images, 3, side, side}).contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor y_BL =
      2 * torch::randint(0, 2, {images, std::ssize(parts_.classes)}, torch::kInt8) - 1;
  buffers_before_.take();
  arena_.gradients().zero_();
  reducer_.begin_part(/*first_part=*/true, /*last_part=*/false);
  loss_(precision_.forward(*parts_.cat, x_BCHW), y_BL).sum.backward();
  buffers_before_.restore();
  faults_.in_probe(parts_.position.step, arena_.gradients());
  return xxh3(arena_.gradients().data_ptr(), arena_.gradients().nbytes());
}

}  // namespace catamaran
