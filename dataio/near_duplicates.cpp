#include "dataio/near_duplicates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <unordered_map>
#include <utility>

#include "dataio/pixel_kernels.h"
#include "support/assert.h"

namespace catamaran {
namespace {

constexpr size_t kSide = kHashSide;
constexpr size_t kLow = 8;  // frequencies in each direction

using CosineTable = std::array<std::array<double, kSide>, kLow>;

const CosineTable& cosines() {
  static const CosineTable table = [] {
    CosineTable made;
    for (size_t k = 0; k < kLow; ++k) {
      for (size_t n = 0; n < kSide; ++n) {
        made[k][n] = 2 * std::cos(std::numbers::pi * static_cast<double>(k) *
                                  (2 * static_cast<double>(n) + 1) / (2 * kSide));
      }
    }
    return made;
  }();
  return table;
}

// Bits [begin, end) of a hash.
struct Band {
  int begin = 0;
  int end = 0;
  uint64_t of(uint64_t hash) const { return hash << (64 - end) >> (64 - end + begin); }
};

std::vector<Band> bands_for(int most) {
  std::vector<Band> bands;
  for (int b = 0; b <= most; ++b)
    bands.push_back({.begin = 64 * b / (most + 1), .end = 64 * (b + 1) / (most + 1)});
  return bands;
}

// Which band two hashes have in common first: a pair is taken in that one alone.
size_t first_equal(const std::vector<Band>& bands, uint64_t a, uint64_t b) {
  const auto equal = [&](const Band& band) { return band.of(a) == band.of(b); };
  return static_cast<size_t>(std::ranges::find_if(bands, equal) - bands.begin());
}

}  // namespace

uint64_t perceptual_hash(std::span<const uint8_t> rgb) {
  CATAMARAN_ASSERT(rgb.size() == kSide * kSide * 3, "a picture of the hash's size");
  const CosineTable& cosine = cosines();
  std::array<std::array<double, kSide>, kLow> down{};  // by vertical frequency and column
  for (size_t y = 0; y < kSide; ++y) {
    for (size_t x = 0; x < kSide; ++x) {
      const uint8_t* const pixel = rgb.data() + (y * kSide + x) * 3;
      const double value = gray_of(pixel[0], pixel[1], pixel[2]);
      for (size_t k = 0; k < kLow; ++k) down[k][x] += cosine[k][y] * value;
    }
  }
  std::array<double, kLow * kLow> low{};
  for (size_t k = 0; k < kLow; ++k) {
    for (size_t j = 0; j < kLow; ++j) {
      double sum = 0;
      for (size_t x = 0; x < kSide; ++x) sum += cosine[j][x] * down[k][x];
      low[k * kLow + j] = std::abs(sum) < 1e-6 ? 0 : sum;  // of a flat picture: rounding
    }
  }
  std::array<double, kLow* kLow> sorted = low;
  std::sort(sorted.begin(), sorted.end());
  const double median = (sorted[kLow * kLow / 2 - 1] + sorted[kLow * kLow / 2]) / 2;
  uint64_t hash = 0;
  for (size_t i = 0; i < low.size(); ++i) hash |= uint64_t{low[i] > median} << i;
  return hash;
}

NearPairs near_pairs(std::span<const uint64_t> first, std::span<const uint64_t> second, int most,
                     int64_t limit) {
  CATAMARAN_ASSERT(most >= 0 && most < 16, "bands have bits");
  const bool itself = first.data() == second.data() && first.size() == second.size();
  const std::vector<Band> bands = bands_for(most);
  NearPairs found;
  for (size_t b = 0; b < bands.size() && found.complete; ++b) {
    std::unordered_map<uint64_t, std::vector<size_t>> buckets;
    for (size_t i = 0; i < first.size(); ++i) buckets[bands[b].of(first[i])].push_back(i);
    for (size_t j = 0; j < second.size() && found.complete; ++j) {
      const auto bucket = buckets.find(bands[b].of(second[j]));
      if (bucket == buckets.end()) continue;
      for (const size_t i : bucket->second) {
        if (itself && i >= j) break;
        const int distance = std::popcount(first[i] ^ second[j]);
        if (distance > most || first_equal(bands, first[i], second[j]) < b) continue;
        found.complete = std::ssize(found.pairs) < limit;
        if (!found.complete) break;
        found.pairs.push_back({static_cast<int64_t>(i), static_cast<int64_t>(j), distance});
      }
    }
  }
  std::ranges::sort(found.pairs, {},
                    [](const NearPair& p) { return std::pair(p.first, p.second); });
  return found;
}

}  // namespace catamaran
