// Philox 4x32-10: a counter-based random generator. The numbers are a pure function of (key,
// counter), so any sample's random numbers can be had on any rank, thread and at any time, without
// state.
//
//   PhiloxStream random(seed, Purpose::kAugment, epoch, sample_index);
//   double u = random.uniform();          // [0, 1)
//   uint32_t k = random.below(13);        // 0..12, unbiased
//
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Known-answer
// tests: Random123's kat_vectors. Thread-safe: the function; one thread at a time: a stream.
#pragma once

#include <array>
#include <cstdint>

namespace catamaran {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline PhiloxCounter philox_4x32_10(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// Streams of different purposes never share numbers.
enum class Purpose : uint32_t {
  kSampleOrder = 1,
  kAugment = 2,
  kDropout = 3,
  kInit = 4,
  kColorJitter = 5,
  kCutout = 6,
  kRandAugment = 7,
  kMix = 8,
  kSubstitute = 9,
  kSplit = 10,
  kSubset = 11,
  kSweep = 12,
};

class PhiloxStream {
 public:
  // index and epoch select the stream; each block of the stream is one counter value. The top 8
  // bits of the third word are the purpose, so epoch must be below 2^24.
  PhiloxStream(uint64_t seed, Purpose purpose, uint32_t epoch, uint64_t index)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        counter_{0, static_cast<uint32_t>(index),
                 (static_cast<uint32_t>(purpose) << 24) | (epoch & 0xFFFFFFu),
                 static_cast<uint32_t>(index >> 32)} {}

  uint32_t next() {
    if (used_ == 4) {
      block_ = philox_4x32_10(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }
  // [0, 1), 24 bits.
  double uniform() { return (next() >> 8) * (1.0 / 16777216.0); }
  // 0..bound-1, without bias (Lemire's method). bound > 0.
  uint32_t below(uint32_t bound) {
    uint64_t product = uint64_t{next()} * bound;
    auto low = static_cast<uint32_t>(product);
    if (low < bound) {
      const uint32_t threshold = (0u - bound) % bound;
      while (low < threshold) {
        product = uint64_t{next()} * bound;
        low = static_cast<uint32_t>(product);
      }
    }
    return static_cast<uint32_t>(product >> 32);
  }

 private:
  PhiloxKey key_;
  PhiloxCounter counter_;
  PhiloxCounter block_{};
  uint32_t used_ = 4;
};

}  // namespace catamaran
