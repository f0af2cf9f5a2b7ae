// A permutation of 0 .. size - 1 of which any element is computed by itself: no array, so a
// hundred million samples cost a rank no memory, and the position of a resumed run no time.
//
//   const KeyedPermutation permutation(seed, epoch, pack.images());
//   int64_t image = permutation.at(i);                // each image at one i
//
// A Feistel network over the smallest power of two that is not less than size (nor than 64), its
// round keys from Philox by (seed, epoch); a result beyond size is put in again until it is not
// (cycle walking, Black and Rogaway 2002; from 64 elements on fewer than two rounds through the
// network in the mean). Immutable, so any thread may ask. Not for secrets.
#pragma once

#include <array>
#include <cstdint>

namespace catamaran {

class KeyedPermutation {
 public:
  // size >= 0; epoch < 2^24.
  KeyedPermutation(uint64_t seed, uint32_t epoch, int64_t size);

  int64_t size() const { return size_; }
  // 0 <= i < size().
  int64_t at(int64_t i) const;

 private:
  static constexpr int kRounds = 12;

  uint64_t once(uint64_t x) const;

  int64_t size_;
  int low_bits_;
  int high_bits_;
  std::array<uint64_t, kRounds> keys_;
};

}  // namespace catamaran
