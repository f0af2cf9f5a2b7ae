// The order of samples: a pure function of (seed, epoch, number of images, global batch), never of
// rank, world, thread or time. So any number of ranks, and a run resumed at any step, see the same
// images in the same steps.
//
//   SampleOrder order(seed, pack.images(), 32);
//   std::vector<SampleKey> keys = order.step(t);         // the 32 samples of step t, of all ranks
//   std::span<const SampleKey> mine = part_of_rank(keys, rank, world);   // 32 / world of them
//
// Each epoch is one KeyedPermutation, of which a step computes its own elements: no memory grows
// with the data set. Its last images % global_batch samples are left out, and another permutation
// leaves out others. Errors: UsageError when a global batch is larger than the data set, does not
// divide among the ranks, or not into micro-batches (naming the nearest sizes that do).
// Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

struct SampleKey {
  uint32_t epoch = 0;  // with the index it selects the random numbers of augmentation
  int64_t index = 0;   // image of the pack
};

class SampleOrder {
 public:
  SampleOrder(uint64_t seed, int64_t images, int64_t global_batch);

  int64_t steps_per_epoch() const { return images_ / global_batch_; }
  std::vector<SampleKey> step(int64_t t) const;

 private:
  uint64_t seed_;
  int64_t images_;
  int64_t global_batch_;
};

// The contiguous part [rank * n / world, (rank + 1) * n / world).
std::span<const SampleKey> part_of_rank(std::span<const SampleKey> keys, int rank, int world);

// How a global batch is cut: world ranks x parts micro-batches x images each.
struct BatchSplit {
  int64_t per_rank = 0;
  int64_t parts = 0;     // micro-batches a step (accumulation)
  int64_t per_part = 0;  // images a micro-batch, <= per_device
};
// parts is the smallest divisor of per_rank that keeps per_part <= per_device. UsageError with the
// nearest global batches that divide, when global is no multiple of world, or when per_part would
// be less than half of per_device although there is more than one part (31 images a rank at 30 a
// device would be 31 parts of one).
BatchSplit split_batch(int64_t global, int64_t per_device, int world);

}  // namespace catamaran
