// ArenaLayout: where each parameter lies in the flat memories of a training run (weights,
// gradients, the optimizer's state), all of which share one layout.
//
//   const ArenaLayout layout = lay_out({.elements = {9, 64, 3}, .group = {0, 1, 1},
//                                       .order = {2, 1, 0}, .unused = 0},
//                                      {.first = 1 << 18, .middle = 6 << 20, .last = 1 << 18});
//
// Buckets follow each other in the order in which backward finishes gradients: a small first one,
// so that the exchange begins early, and a small last one, since nothing hides the exchange of what
// backward finishes last; parameters that never get a gradient lie in one more bucket at the end.
// Within a bucket, parameters of one group lie side by side, so a group is a few long segments for
// the optimizer. Slots begin at multiples of kArenaAlignment; the gaps belong to the segment of the
// slot before them and hold zeros for ever. Pure function of its arguments, so the same on all
// ranks. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

constexpr int64_t kArenaAlignment = 16;  // elements: 64 bytes of fp32

struct ArenaRange {
  int64_t begin = 0;  // elements
  int64_t end = 0;
  int64_t elements() const { return end - begin; }
};

struct ArenaBucket {
  ArenaRange range;
  std::vector<size_t> parameters;  // in memory order
  bool used = true;                // false: of parameters without a gradient
};

struct ArenaSegment {
  ArenaRange range;
  size_t group = 0;
  std::vector<size_t> parameters;  // in memory order
};

struct ArenaLayout {
  std::vector<ArenaRange> slots;  // by parameter, without the gap behind it
  std::vector<ArenaBucket> buckets;
  std::vector<ArenaSegment> segments;
  int64_t elements = 0;  // of each flat memory
};

// By parameter, all of one length but for `order`, a permutation of their numbers whose last
// `unused` ones never get a gradient.
struct ArenaContents {
  std::vector<int64_t> elements;
  std::vector<size_t> group;
  std::vector<size_t> order;
  size_t unused = 0;
};

// Elements at most, but for a single parameter that is larger.
struct BucketSizes {
  int64_t first = 0;
  int64_t middle = 0;
  int64_t last = 0;
};

ArenaLayout lay_out(const ArenaContents& contents, const BucketSizes& sizes);

// How lay_out cuts what is ready one after the other: the numbers of `order`, by bucket.
std::vector<std::span<const size_t>> cut_into_buckets(const std::vector<int64_t>& elements,
                                                      std::span<const size_t> order,
                                                      const BucketSizes& sizes);

}  // namespace catamaran
