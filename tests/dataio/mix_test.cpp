#include "dataio/mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace catamaran {
namespace {

constexpr int64_t kSide = 40;

SampleDraw draw_of(int64_t index) { return {.seed = 5, .epoch = 1, .index = index}; }

std::vector<uint8_t> noise(uint32_t seed) {
  std::vector<uint8_t> pixels(size_t{kSide} * kSide * 3);
  for (uint8_t& byte : pixels)
    byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  return pixels;
}

TEST(ChooseMix, DrawsSharesOfABetaDistribution) {
  for (const double alpha : {0.1, 0.5, 1.0, 4.0}) {
    AugmentOptions options;
    options.mixup = alpha;
    constexpr int kPairs = 20000;
    double sum = 0;
    double squares = 0;
    for (int64_t i = 0; i < kPairs; ++i) {
      const auto mix = choose_mix(options, draw_of(i), kSide, kSide);
      ASSERT_TRUE(mix);
      ASSERT_GE(mix->share, 0);
      ASSERT_LE(mix->share, 1);
      sum += mix->share;
      squares += (mix->share - 0.5) * (mix->share - 0.5);
    }
    EXPECT_NEAR(sum / kPairs, 0.5, 0.02) << alpha;
    const double variance = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(squares / kPairs, variance, 0.05 * variance) << alpha;
  }
}

TEST(ChooseMix, MixesAsManyPairsAsItIsToldAndCutsHalfOfThem) {
  AugmentOptions options;
  options.mixup = 0.8;
  options.cutmix = 1;
  options.mix_probability = 0.25;
  int mixed = 0;
  int cut = 0;
  for (int64_t i = 0; i < 10000; ++i) {
    const auto mix = choose_mix(options, draw_of(i), kSide, kSide);
    mixed += mix ? 1 : 0;
    cut += mix && mix->cuts ? 1 : 0;
  }
  EXPECT_NEAR(mixed, 2500, 260);  // 6 standard deviations
  EXPECT_NEAR(cut, 1250, 200);
  EXPECT_FALSE(choose_mix(AugmentOptions{}, draw_of(1), kSide, kSide));
}

TEST(MixPixels, BlendsBothImagesToRounding) {
  for (const double share : {0.0, 0.123, 0.5, 0.999, 1.0}) {
    std::vector<uint8_t> a = noise(1);
    std::vector<uint8_t> b = noise(2);
    const std::vector<uint8_t> a0 = a;
    const std::vector<uint8_t> b0 = b;
    mix_pixels({.cuts = false, .rectangle = {}, .share = share}, {a.data(), kSide, kSide},
               {b.data(), kSide, kSide});
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_NEAR(a[i], share * a0[i] + (1 - share) * b0[i], 0.504);
      ASSERT_NEAR(b[i], share * b0[i] + (1 - share) * a0[i], 0.504);
    }
  }
}

TEST(MixPixels, ExchangesTheRectangleOfCutMixAndSaysWhatStays) {
  AugmentOptions options;
  options.cutmix = 1;
  for (int64_t pair = 0; pair < 50; ++pair) {
    const auto mix = choose_mix(options, draw_of(pair), kSide, kSide);
    ASSERT_TRUE(mix && mix->cuts);
    std::vector<uint8_t> a(size_t{kSide} * kSide * 3, 1);
    std::vector<uint8_t> b(size_t{kSide} * kSide * 3, 2);
    mix_pixels(*mix, {a.data(), kSide, kSide}, {b.data(), kSide, kSide});
    const auto kept = static_cast<double>(std::count(a.begin(), a.end(), 1));
    EXPECT_NEAR(kept / static_cast<double>(a.size()), mix->share, 1e-12);
    for (size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i] + b[i], 3);
  }
}

}  // namespace
}  // namespace catamaran
