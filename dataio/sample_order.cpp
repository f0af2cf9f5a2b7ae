#include "dataio/sample_order.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "support/assert.h"
#include "support/error.h"
#include "support/philox.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestEpoch = (int64_t{1} << 24) - 1;  // what a PhiloxStream can tell apart

// "set it to 30 or 32", or one of them where the other is no batch.
std::string nearest_multiples(int64_t global, int64_t world) {
  const int64_t below = global / world * world;
  const std::string above = std::to_string(below + world);
  return below == 0 ? "set it to " + above : "set it to " + std::to_string(below) + " or " + above;
}

}  // namespace

std::vector<int64_t> epoch_permutation(uint64_t seed, uint32_t epoch, int64_t images) {
  CATAMARAN_ASSERT(images >= 0 && images <= std::numeric_limits<uint32_t>::max(),
                   "packs count their images in 32 bits");
  std::vector<int64_t> order(static_cast<size_t>(images));
  std::iota(order.begin(), order.end(), int64_t{0});
  PhiloxStream random(seed, Purpose::kSampleOrder, epoch, 0);
  for (auto i = static_cast<uint32_t>(images); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
  return order;
}

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

std::vector<SampleKey> SampleOrder::step(int64_t t) {
  CATAMARAN_ASSERT(t >= 0, "steps count from 0");
  const int64_t epoch = t / steps_per_epoch();
  CATAMARAN_ASSERT(epoch <= kLargestEpoch, "epochs above 2^24 would repeat random numbers");
  if (epoch != cached_epoch_) {
    permutation_ = epoch_permutation(seed_, static_cast<uint32_t>(epoch), images_);
    cached_epoch_ = epoch;
  }
  std::vector<SampleKey> keys;
  keys.reserve(static_cast<size_t>(global_batch_));
  const int64_t first = t % steps_per_epoch() * global_batch_;
  for (int64_t i = first; i < first + global_batch_; ++i) {
    keys.push_back({static_cast<uint32_t>(epoch), permutation_[static_cast<size_t>(i)]});
  }
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
                     "batch.global", nearest_multiples(std::max<int64_t>(global, 0), world));
  }
  const int64_t per_rank = global / world;
  int64_t parts = (per_rank + per_device - 1) / per_device;
  while (per_rank % parts != 0) ++parts;
  return {.per_rank = per_rank, .parts = parts, .per_part = per_rank / parts};
}

}  // namespace catamaran
