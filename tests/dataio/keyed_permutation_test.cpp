#include "dataio/keyed_permutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace catamaran {
namespace {

std::vector<int64_t> all_of(const KeyedPermutation& permutation) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < permutation.size(); ++i) values.push_back(permutation.at(i));
  return values;
}

void expect_each_once(int64_t size) {
  const KeyedPermutation permutation(7, 3, size);
  std::vector<bool> seen(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) {
    const int64_t image = permutation.at(i);
    ASSERT_GE(image, 0) << size;
    ASSERT_LT(image, size) << size;
    ASSERT_FALSE(seen[static_cast<size_t>(image)]) << image << " twice, of " << size;
    seen[static_cast<size_t>(image)] = true;
  }
}

// Sum of squared deviations from equal counts, in standard deviations of what chance gives.
double surplus_of_chi_square(const std::vector<int64_t>& counts) {
  double total = 0;
  for (int64_t count : counts) total += static_cast<double>(count);
  const double wanted = total / static_cast<double>(counts.size());
  double chi_square = 0;
  for (int64_t count : counts)
    chi_square += std::pow(static_cast<double>(count) - wanted, 2) / wanted;
  const auto freedom = static_cast<double>(counts.size() - 1);
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

TEST(KeyedPermutation, HoldsEveryElementOnce) {
  for (int64_t size = 0; size <= 260; ++size) expect_each_once(size);
  for (int64_t size : {5011, 65535, 65536, 65537, 2'000'003}) expect_each_once(size);
}

TEST(KeyedPermutation, ReachesElementsOfSizesThatNoArrayCouldHold) {
  constexpr int64_t kSize = int64_t{1} << 40;
  const KeyedPermutation permutation(7, 3, kSize);
  double sum = 0;
  for (int64_t i = 0; i < 10000; ++i) {
    ASSERT_LT(permutation.at(i), kSize);
    sum += static_cast<double>(permutation.at(i)) / kSize;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);  // 7 standard deviations
}

TEST(KeyedPermutation, DependsOnSeedAndEpochOnly) {
  EXPECT_EQ(all_of({7, 3, 100}), all_of({7, 3, 100}));
  EXPECT_NE(all_of({7, 3, 100}), all_of({8, 3, 100}));
  EXPECT_NE(all_of({7, 3, 100}), all_of({7, 4, 100}));
  EXPECT_NE(all_of({7, 3, 100}), all_of({(uint64_t{1} << 32) + 7, 3, 100}));
}

// Every order of five elements comes as often as any other, so nothing about two or three of them
// can be foretold either.
TEST(KeyedPermutation, MakesAllOrdersOfAFewElementsEquallyOften) {
  std::map<std::vector<int64_t>, int64_t> orders;
  for (uint32_t epoch = 0; epoch < 60000; ++epoch) ++orders[all_of({1, epoch, 5})];
  ASSERT_EQ(orders.size(), 120u);
  std::vector<int64_t> counts;
  for (const auto& [order, count] : orders) counts.push_back(count);
  EXPECT_LT(surplus_of_chi_square(counts), 5);
}

TEST(KeyedPermutation, PutsEachElementAtEachPlaceEquallyOften) {
  constexpr int64_t kSize = 37;
  std::vector<int64_t> counts(kSize * kSize);
  for (uint32_t epoch = 0; epoch < 40000; ++epoch) {
    const KeyedPermutation permutation(2, epoch, kSize);
    for (int64_t i = 0; i < kSize; ++i)
      ++counts[static_cast<size_t>(i * kSize + permutation.at(i))];
  }
  EXPECT_LT(surplus_of_chi_square(counts), 5);
}

// Of a large set: neighbours do not stay near each other, and an epoch does not tell of the next.
TEST(KeyedPermutation, ScattersNeighboursAndEpochs) {
  constexpr int64_t kSize = 100'000;
  const KeyedPermutation first(3, 0, kSize);
  const KeyedPermutation second(3, 1, kSize);
  double steps = 0;
  double between_epochs = 0;
  int64_t longer = 0;
  for (int64_t i = 0; i + 1 < kSize; ++i) {
    steps += static_cast<double>(std::abs(first.at(i + 1) - first.at(i)));
    between_epochs += static_cast<double>(std::abs(second.at(i) - first.at(i)));
    longer += first.at(i + 1) > first.at(i) ? 1 : 0;
  }
  // The mean distance of two random elements is size / 3, its standard deviation here 0.0008 size.
  EXPECT_NEAR(steps / kSize / kSize, 1.0 / 3, 0.006);
  EXPECT_NEAR(between_epochs / kSize / kSize, 1.0 / 3, 0.006);
  EXPECT_NEAR(static_cast<double>(longer) / kSize, 0.5, 0.01);
}

// What a batch holds is an even share of the pack: the images of each tenth of it.
TEST(KeyedPermutation, SpreadsEveryBatchOverThePack) {
  constexpr int64_t kSize = 123'287;
  constexpr int64_t kBatch = 1000;
  const KeyedPermutation permutation(5, 2, kSize);
  for (int64_t batch = 0; batch + kBatch <= kSize; batch += kBatch) {
    std::vector<int64_t> tenths(10);
    for (int64_t i = batch; i < batch + kBatch; ++i)
      ++tenths[static_cast<size_t>(permutation.at(i) * 10 / kSize)];
    EXPECT_LT(surplus_of_chi_square(tenths), 8) << "batch at " << batch;
  }
}

}  // namespace
}  // namespace catamaran
