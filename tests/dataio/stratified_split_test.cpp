#include "dataio/stratified_split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace catamaran {
namespace {

// `count` images; class c is present in one of 2 + 3 c of them, and more often beside class c - 1.
LabelledImages made_labels(int64_t count, int64_t classes, uint32_t seed) {
  std::mt19937 random(seed);
  LabelledImages images;
  images.classes = classes;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<int32_t>& present = images.present.emplace_back();
    for (int32_t c = 0; c < classes; ++c) {
      const bool has_neighbour = !present.empty() && present.back() == c - 1;
      const auto one_of = static_cast<uint32_t>(has_neighbour ? 3 : 2 + 3 * c);
      if (random() % one_of == 0) present.push_back(c);
    }
    images.group.push_back(i);
  }
  return images;
}

std::vector<int64_t> sizes_of(const std::vector<int32_t>& part, size_t parts) {
  std::vector<int64_t> sizes(parts);
  for (const int32_t p : part) ++sizes[static_cast<size_t>(p)];
  return sizes;
}

// Mean over parts and classes of |positives - wanted|, in images.
double mean_deviation(const LabelledImages& images, const std::vector<int32_t>& part,
                      const std::vector<double>& shares) {
  const auto classes = static_cast<size_t>(images.classes);
  std::vector<std::vector<double>> found(shares.size(), std::vector<double>(classes));
  std::vector<double> total(classes);
  for (size_t i = 0; i < part.size(); ++i) {
    for (const int32_t c : images.present[i]) {
      ++found[static_cast<size_t>(part[i])][static_cast<size_t>(c)];
      ++total[static_cast<size_t>(c)];
    }
  }
  double sum = 0;
  for (size_t p = 0; p < shares.size(); ++p) {
    for (size_t c = 0; c < classes; ++c) sum += std::abs(found[p][c] - shares[p] * total[c]);
  }
  return sum / static_cast<double>(shares.size() * classes);
}

std::vector<int32_t> random_split(int64_t count, const std::vector<double>& shares, uint32_t seed) {
  std::vector<int32_t> part;
  const std::vector<int64_t> sizes = sizes_of_parts(count, shares);
  for (size_t p = 0; p < sizes.size(); ++p)
    part.insert(part.end(), static_cast<size_t>(sizes[p]), static_cast<int32_t>(p));
  std::shuffle(part.begin(), part.end(), std::mt19937(seed));
  return part;
}

const std::vector<double> kShares = {0.8, 0.1, 0.1};

TEST(SizesOfParts, SumToTheImagesAndAreWithinOneOfTheShares) {
  const std::vector<std::vector<double>> all = {
      kShares, {0.7, 0.2, 0.1}, {1.0 / 3, 1.0 / 3, 1.0 / 3}, {0.5, 0.5}, {0.999, 0.001}};
  for (const std::vector<double>& shares : all) {
    for (int64_t images = 0; images < 300; ++images) {
      const std::vector<int64_t> sizes = sizes_of_parts(images, shares);
      EXPECT_EQ(std::reduce(sizes.begin(), sizes.end()), images);
      for (size_t p = 0; p < shares.size(); ++p)
        EXPECT_LT(std::abs(static_cast<double>(sizes[p]) - shares[p] * static_cast<double>(images)),
                  1.0);
    }
  }
  EXPECT_EQ(sizes_of_parts(10, std::vector<double>{0.7, 0.2, 0.1}),
            (std::vector<int64_t>{7, 2, 1}));
}

TEST(StratifiedSplit, GivesPartsOfExactlyTheirSizes) {
  for (const int64_t count : {3, 10, 99, 1000, 1003}) {
    const LabelledImages images = made_labels(count, 7, 5);
    EXPECT_EQ(sizes_of(stratified_split(images, kShares, 0), 3), sizes_of_parts(count, kShares));
  }
}

TEST(StratifiedSplit, IsNearerToTheSharesThanAnyOfFiftyRandomSplits) {
  const LabelledImages images = made_labels(2000, 20, 3);
  const double stratified = mean_deviation(images, stratified_split(images, kShares, 0), kShares);
  double best_random = 1e9;
  for (uint32_t seed = 0; seed < 50; ++seed)
    best_random =
        std::min(best_random, mean_deviation(images, random_split(2000, kShares, seed), kShares));
  EXPECT_LT(stratified, best_random / 3) << "images a class and part";
  EXPECT_LT(stratified, 1.0);
}

TEST(StratifiedSplit, SplitsASingleClassToOneImage) {
  LabelledImages images;
  images.classes = 1;
  for (int64_t i = 0; i < 100; ++i) {
    images.present.push_back(i < 37 ? std::vector<int32_t>{0} : std::vector<int32_t>{});
    images.group.push_back(i);
  }
  const std::vector<int32_t> part = stratified_split(images, std::vector<double>{0.5, 0.5}, 1);
  const auto first = std::count(part.begin(), part.begin() + 37, 0);
  EXPECT_TRUE(first == 18 || first == 19);
  EXPECT_EQ(sizes_of(part, 2), (std::vector<int64_t>{50, 50}));
}

TEST(StratifiedSplit, DependsOnTheSeedAlone) {
  const LabelledImages images = made_labels(500, 9, 2);
  EXPECT_EQ(stratified_split(images, kShares, 4), stratified_split(images, kShares, 4));
  EXPECT_NE(stratified_split(images, kShares, 4), stratified_split(images, kShares, 5));
}

TEST(StratifiedSplit, KeepsGroupsTogetherAndTheSizesExact) {
  LabelledImages images = made_labels(600, 6, 8);
  for (size_t i = 0; i < 600; ++i) {
    if (i % 10 < 3)
      images.group[i] = static_cast<int64_t>(i - i % 10 + 2);  // of three, in disorder
    if (i > 100 && i < 140) images.group[i] = 139;
  }
  const std::vector<int32_t> part = stratified_split(images, kShares, 0);
  std::vector<int32_t> of_group(600, -1);
  for (size_t i = 0; i < 600; ++i) {
    int32_t& known = of_group[static_cast<size_t>(images.group[i])];
    if (known < 0) known = part[i];
    EXPECT_EQ(part[i], known);
  }
  EXPECT_EQ(sizes_of(part, 3), (std::vector<int64_t>{480, 60, 60}));
}

TEST(StratifiedSplit, PutsAGroupThatFitsNowhereWhereMostRoomIs) {
  LabelledImages images = made_labels(10, 2, 1);
  for (size_t i = 0; i < 7; ++i) images.group[i] = 0;
  const std::vector<int32_t> part = stratified_split(images, std::vector<double>{0.6, 0.4}, 0);
  EXPECT_EQ(sizes_of(part, 2), (std::vector<int64_t>{7, 3}));
}

TEST(StratifiedSplit, TakesImagesWithoutAnyLabelAndNoImageAtAll) {
  LabelledImages images = made_labels(20, 0, 1);
  EXPECT_EQ(sizes_of(stratified_split(images, kShares, 0), 3), (std::vector<int64_t>{16, 2, 2}));
  EXPECT_TRUE(stratified_split(LabelledImages{}, kShares, 0).empty());
}

}  // namespace
}  // namespace catamaran
