#include "dataio/sample_order.h"

#include <algorithm>
#include <string>

#include "dataio/keyed_permutation.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestEpoch = (int64_t{1} << 24) - 1;  // what a PhiloxStream can tell apart

// Images of a micro-batch: the largest divisor of per_rank up to per_device. 0 where that is less
// than half of per_device: many tiny micro-batches would cost more than they are worth, unasked.
int64_t images_of_part(int64_t per_rank, int64_t per_device) {
  if (per_rank <= per_device) return per_rank;
  for (int64_t images = per_device; 2 * images >= per_device; --images) {
    if (per_rank % images == 0) return images;
  }
  return 0;
}

// "set it to 30 or 32", or one of them where the other is no batch: the nearest global batches that
// can be cut.
std::string nearest_batches(int64_t global, int64_t per_device, int world) {
  int64_t below = global / world;
  while (below > 0 && images_of_part(below, per_device) == 0) --below;
  int64_t above = std::max<int64_t>(1, global / world + 1);
  while (images_of_part(above, per_device) == 0) ++above;
  const std::string larger = std::to_string(above * world);
  return below == 0 ? "set it to " + larger
                    : "set it to " + std::to_string(below * world) + " or " + larger;
}

}  // namespace

SampleOrder::SampleOrder(uint64_t seed, int64_t images, int64_t global_batch)
    : seed_(seed), images_(images), global_batch_(global_batch) {
  if (global_batch < 1) {
    throw UsageError("a batch of " + std::to_string(global_batch) + " images is none",
                     "batch.global", "set it to 1 or more");
  }
  if (global_batch > images) {
    throw UsageError("a batch of " + std::to_string(global_batch) +
                         " images is larger than the data set of " + std::to_string(images),
                     "batch.global", "set it to " + std::to_string(images) + " or less");
  }
}

std::vector<SampleKey> SampleOrder::step(int64_t t) const {
  CATAMARAN_ASSERT(t >= 0, "steps count from 0");
  const int64_t epoch = t / steps_per_epoch();
  CATAMARAN_ASSERT(epoch <= kLargestEpoch, "epochs above 2^24 would repeat random numbers");
  const KeyedPermutation permutation(seed_, static_cast<uint32_t>(epoch), images_);
  std::vector<SampleKey> keys;
  keys.reserve(static_cast<size_t>(global_batch_));
  const int64_t first = t % steps_per_epoch() * global_batch_;
  for (int64_t i = first; i < first + global_batch_; ++i)
    keys.push_back({static_cast<uint32_t>(epoch), permutation.at(i)});
  return keys;
}

std::span<const SampleKey> part_of_rank(std::span<const SampleKey> keys, int rank, int world) {
  CATAMARAN_ASSERT(world > 0 && rank >= 0 && rank < world, "a rank is one of the world");
  const auto count = static_cast<int64_t>(keys.size());
  const int64_t first = rank * count / world;
  const int64_t last = (int64_t{rank} + 1) * count / world;
  return keys.subspan(static_cast<size_t>(first), static_cast<size_t>(last - first));
}

BatchSplit split_batch(int64_t global, int64_t per_device, int world) {
  CATAMARAN_ASSERT(world > 0, "a world has a rank");
  if (per_device < 1) {
    throw UsageError("a micro-batch of " + std::to_string(per_device) + " images is none",
                     "batch.per_device", "set it to 1 or more");
  }
  if (global < 1 || global % world != 0) {
    throw UsageError("a batch of " + std::to_string(global) + " images does not divide among " +
                         std::to_string(world) + " ranks",
                     "batch.global",
                     nearest_batches(std::max<int64_t>(global, 0), per_device, world));
  }
  const int64_t per_rank = global / world;
  const int64_t per_part = images_of_part(per_rank, per_device);
  if (per_part == 0) {
    int64_t whole = per_device + 1;
    while (per_rank % whole != 0) ++whole;
    throw UsageError("a rank's " + std::to_string(per_rank) +
                         " images of a step do not divide into equal micro-batches of " +
                         std::to_string((per_device + 1) / 2) + " to " +
                         std::to_string(per_device) + " images (batch.per_device)",
                     "batch.global",
                     nearest_batches(global, per_device, world) + ", or batch.per_device to " +
                         std::to_string(whole));
  }
  return {.per_rank = per_rank, .parts = per_rank / per_part, .per_part = per_part};
}

}  // namespace catamaran
