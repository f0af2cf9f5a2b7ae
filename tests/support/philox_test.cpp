// Known answers: Random123's kat_vectors for philox4x32 with 10 rounds.
#include "support/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace catamaran {
namespace {

TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(philox_4x32_10({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(
      philox_4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox_4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<uint32_t> first_numbers(PhiloxStream stream) {
  std::vector<uint32_t> numbers;
  numbers.reserve(12);
  for (int i = 0; i < 12; ++i) numbers.push_back(stream.next());
  return numbers;
}

TEST(PhiloxStream, IsAPureFunctionOfSeedPurposeEpochAndIndex) {
  EXPECT_EQ(first_numbers({5, Purpose::kAugment, 3, 77}),
            first_numbers({5, Purpose::kAugment, 3, 77}));
}

TEST(PhiloxStream, DiffersWhereAnyOfItsNamesDiffers) {
  const std::vector<PhiloxStream> streams = {
      {5, Purpose::kAugment, 3, 77},
      {6, Purpose::kAugment, 3, 77},
      {5 + (uint64_t{1} << 32), Purpose::kAugment, 3, 77},
      {5, Purpose::kSampleOrder, 3, 77},
      {5, Purpose::kAugment, 4, 77},
      {5, Purpose::kAugment, 3, 78},
      {5, Purpose::kAugment, 3, 77 + (uint64_t{1} << 32)},
  };
  std::set<uint32_t> seen;
  for (const PhiloxStream& stream : streams) {
    for (uint32_t number : first_numbers(stream)) seen.insert(number);
  }
  EXPECT_EQ(seen.size(), streams.size() * 12);
}

TEST(PhiloxStream, GivesUniformNumbersFromZeroToBelowOne) {
  PhiloxStream random(1, Purpose::kInit, 0, 0);
  double sum = 0;
  double least = 1;
  double most = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    sum += u;
    least = std::min(least, u);
    most = std::max(most, u);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(most, 1);
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);  // 5.5 standard deviations
  EXPECT_LT(least, 0.001);
  EXPECT_GT(most, 0.999);
}

TEST(PhiloxStream, DrawsEachNumberBelowABoundEquallyOften) {
  for (uint32_t bound : {1u, 2u, 13u, 19u, 100u}) {
    PhiloxStream random(9, Purpose::kInit, 0, bound);
    constexpr int kDraws = 200000;
    std::vector<int> counts(bound);
    for (int i = 0; i < kDraws; ++i) ++counts.at(random.below(bound));
    const double expected = static_cast<double>(kDraws) / bound;
    double chi_square = 0;
    for (int count : counts) chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi_square, bound - 1 + 6 * std::sqrt(2.0 * bound)) << bound;
  }
}

TEST(PhiloxStream, IsUnbiasedWhereTheBoundIsNearTwoToThe32) {
  // Two thirds of 2^32: taking the remainder would draw the lower half twice as often.
  constexpr uint32_t kBound = 0xAAAAAAAB;
  PhiloxStream random(9, Purpose::kInit, 0, 0);
  constexpr int kDraws = 100000;
  int lower = 0;
  for (int i = 0; i < kDraws; ++i) {
    const uint32_t drawn = random.below(kBound);
    ASSERT_LT(drawn, kBound);
    lower += drawn < kBound / 2 ? 1 : 0;
  }
  EXPECT_NEAR(lower / static_cast<double>(kDraws), 0.5, 0.01);
}

}  // namespace
}  // namespace catamaran
