#include "dataio/keyed_permutation.h"

#include <algorithm>
#include <bit>

#include "support/assert.h"
#include "support/philox.h"

namespace catamaran {
namespace {

constexpr int kFewestBits = 6;  // halves of fewer bits would favour some orders of tiny sets

// The first `bits` of a hash of 64: the finalizer of SplitMix64 (Steele et al. 2014).
uint64_t hash(uint64_t x, int bits) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return (x ^ (x >> 31)) >> (64 - bits);
}

}  // namespace

KeyedPermutation::KeyedPermutation(uint64_t seed, uint32_t epoch, int64_t size) : size_(size) {
  CATAMARAN_ASSERT(size >= 0, "a permutation has elements");
  const auto last = static_cast<uint64_t>(std::max<int64_t>(size, 1) - 1);
  const int bits = std::max<int>(kFewestBits, std::bit_width(last));
  low_bits_ = bits / 2;
  high_bits_ = bits - low_bits_;
  PhiloxStream random(seed, Purpose::kSampleOrder, epoch, 0);
  for (uint64_t& key : keys_) {
    const uint64_t high = random.next();
    key = (high << 32) | random.next();
  }
}

int64_t KeyedPermutation::at(int64_t i) const {
  CATAMARAN_ASSERT(i >= 0 && i < size_, "an element of the permutation");
  auto x = static_cast<uint64_t>(i);
  do {
    x = once(x);
  } while (x >= static_cast<uint64_t>(size_));
  return static_cast<int64_t>(x);
}

// Each half in turn takes in a hash of the other.
uint64_t KeyedPermutation::once(uint64_t x) const {
  uint64_t low = x & ((uint64_t{1} << low_bits_) - 1);
  uint64_t high = x >> low_bits_;
  for (size_t round = 0; round < kRounds; round += 2) {
    low ^= hash(high + keys_[round], low_bits_);
    high ^= hash(low + keys_[round + 1], high_bits_);
  }
  return (high << low_bits_) | low;
}

}  // namespace catamaran
