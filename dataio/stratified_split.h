// Stratified split of multi-label data: which part each image goes to, so that every part has its
// share of the images and of each class's positives. Pure functions.
//
//   const std::vector<double> shares = {0.8, 0.1, 0.1};
//   std::vector<int32_t> part = stratified_split(labels, shares, seed);   // of each image
//
// Iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label
// data", ECML PKDD 2011): of the classes with images left, the one with the fewest goes first; each
// of its images goes to the part that lacks most of that class, then most images, then by lot. Here
// images without a class count as one of their own, and two things are added. Images of one group
// (copies of a picture) go to one part, groups of several images before the others, each to a part
// with room for it while there is one. And parts are brought to exactly the sizes of
// sizes_of_parts(), which the paper's come near to: images move out of parts that have too many,
// each time the one after which the parts are nearest to their shares of the classes (sum of
// squared differences). A part is larger than wanted only where its groups are.
//
// The result depends on labels, groups, shares and seed, never on thread or time. Memory: the
// labels again. Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

struct LabelledImages {
  int64_t classes = 0;
  std::vector<std::vector<int32_t>> present;  // per image: its classes
  std::vector<int64_t> group;  // per image, below the number of images; equal: one part
};

// Largest remainders: within one of shares[p] * images, and their sum is `images`. Shares are
// positive; they are taken relative to their sum.
std::vector<int64_t> sizes_of_parts(int64_t images, std::span<const double> shares);

std::vector<int32_t> stratified_split(const LabelledImages& images, std::span<const double> shares,
                                      uint64_t seed);

}  // namespace catamaran
