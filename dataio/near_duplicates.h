// Pictures that look alike although their bytes differ: re-encoded, scaled, a little cropped.
//
//   const uint64_t hash = perceptual_hash(rgb_32x32);
//   for (const NearPair& pair : near_pairs(hashes, of_other, kNearDistance).pairs) ...
//
// The hash is pHash as the Python package imagehash has it: the picture as 32 x 32 gray bytes,
// their DCT-II in both directions, one bit for each of the 8 x 8 lowest frequencies: above their
// median. Hashes of one picture in different encodings differ in few bits (tests/golden has the
// measure); mirrored pictures are others. Pairs are found exactly, by bands: of two hashes that
// differ in at most d bits one of d + 1 bands is equal. Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

constexpr int64_t kHashSide = 32;
constexpr int kNearDistance = 6;  // bits of 64

// rgb: kHashSide x kHashSide pixels.
uint64_t perceptual_hash(std::span<const uint8_t> rgb);

struct NearPair {
  int64_t first = 0;   // of the first list
  int64_t second = 0;  // of the second
  int distance = 0;    // bits
};

constexpr int64_t kMostNearPairs = 100'000;

struct NearPairs {
  std::vector<NearPair> pairs;  // sorted by first, then second
  bool complete = true;         // false: the search ended at the limit
};

// Every pair at most `most` bits apart (0 to 15), up to `limit` of them: thousands of pictures that
// all look alike have millions of pairs. Of a list with itself (the same span): first < second.
NearPairs near_pairs(std::span<const uint64_t> first, std::span<const uint64_t> second, int most,
                     int64_t limit = kMostNearPairs);

}  // namespace catamaran
