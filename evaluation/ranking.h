// Ranking: the labelled items of one class, highest score first, ties by ascending index: what
// every definition of average precision walks over. Items with label 0 (ignore) are left out.
//
//   Ranking ranking;                      // keeps its buffers from class to class
//   ranking.sort(scores, labels, stride);
//   for (const uint64_t item : ranking.items()) hits += Ranking::positive(item) ? 1 : 0;
//
// A radix sort over the bits of the floats, several times faster than a comparison sort. -0 and +0
// are the same score; infinities rank as they should.
//
// Errors: NumericsError for a score that is not a number. One thread at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

class Ranking {
 public:
  // Element i of the class is at [i * stride] of both; both have the same size.
  void sort(std::span<const float> scores, std::span<const int8_t> labels, int64_t stride);

  // High word: the score, such that a smaller word is a higher score. Low word: 1 for a positive.
  std::span<const uint64_t> items() const { return items_; }
  int64_t positives() const { return positives_; }

  static bool positive(uint64_t item) { return (item & 1) != 0; }
  static bool same_score(uint64_t a, uint64_t b) { return (a >> 32) == (b >> 32); }
  static float score(uint64_t item) {
    const auto key = static_cast<uint32_t>(item >> 32);
    return std::bit_cast<float>((key & 0x80000000u) != 0 ? key : ~key & 0x7fffffffu);
  }

 private:
  std::vector<uint64_t> items_;
  std::vector<uint64_t> spare_;
  int64_t positives_ = 0;
};

}  // namespace catamaran
