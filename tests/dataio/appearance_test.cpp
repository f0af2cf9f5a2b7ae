#include "dataio/appearance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "golden_file.h"
#include "support/json.h"
#include "torchvision_operations.h"

namespace catamaran {
namespace {

constexpr int64_t kHeight = 224;
constexpr int64_t kWidth = 160;

nlohmann::json golden(const char* of) {
  return read_json_file(golden_path("augment/cases.json"), ErrorKind::kData)[of];
}

// What RandAugment of torchvision does, in the words of PixelOp.
std::map<PixelOpKind, std::set<double>> torchvisions_values(int64_t magnitude) {
  const std::vector<std::pair<std::string, PixelOpKind>>& names = torchvisions_operations();
  const nlohmann::json listed = golden("rand_augment");
  EXPECT_EQ(listed.size(), names.size());
  std::map<PixelOpKind, std::set<double>> values;
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(listed[i]["op"], names[i].first);
    const PixelOpKind kind = names[i].second;
    const double value = listed[i]["values"][static_cast<size_t>(magnitude)];
    const double offset = is_factor(kind) ? 1 : 0;
    const double unit = kind == PixelOpKind::kSolarize ? 255 : 1;
    values[kind].insert(offset + unit * value);
    if (listed[i]["signed"]) values[kind].insert(offset - unit * value);
  }
  return values;
}

TEST(RandAugment, DrawsTorchvisionsOperationsAtTorchvisionsStrengths) {
  for (const int64_t magnitude : {0, 1, 9, 15, 22, 30}) {
    const auto wanted = torchvisions_values(magnitude);
    AugmentOptions options;
    options.rand_augment = 2;
    options.rand_augment_magnitude = magnitude;
    std::map<PixelOpKind, std::map<double, int>> seen;
    std::vector<PixelOp> ops;
    constexpr int kImages = 7000;
    for (int64_t i = 0; i < kImages; ++i) {
      choose_rand_augment(options, {.seed = 1, .epoch = 0, .index = i}, kHeight, kWidth, ops);
      ASSERT_EQ(ops.size(), 2u);
      for (const PixelOp& op : ops) ++seen[op.kind][op.value];
    }
    ASSERT_EQ(seen.size(), wanted.size());
    for (const auto& [kind, values] : wanted) {
      int count = 0;
      for (const auto& [value, times] : seen[kind]) {
        count += times;
        const bool known = std::ranges::any_of(values, [v = value](double w) {
          return std::abs(v - w) < 1e-4;  // torchvision's are in single precision
        });
        EXPECT_TRUE(known) << static_cast<int>(kind) << " " << value << " at " << magnitude;
      }
      EXPECT_NEAR(count, 1000, 180);  // 6 standard deviations
      if (magnitude > 0) {
        EXPECT_EQ(seen[kind].size(), values.size()) << static_cast<int>(kind);
      }
    }
  }
}

TEST(ColorJitter, DrawsFactorsOfTheirRangesInEveryOrder) {
  AugmentOptions options;
  options.brightness = 0.4;
  options.contrast = 1.5;
  options.saturation = 0.2;
  options.hue = 0.1;
  std::map<PixelOpKind, std::pair<double, double>> ranges;
  std::set<std::vector<int>> orders;
  std::vector<PixelOp> ops;
  for (int64_t i = 0; i < 3000; ++i) {
    choose_color_jitter(options, {.seed = 3, .epoch = 1, .index = i}, ops);
    ASSERT_EQ(ops.size(), 4u);
    std::vector<int> order;
    for (const PixelOp& op : ops) {
      const auto [at, added] = ranges.emplace(op.kind, std::pair(op.value, op.value));
      at->second.first = std::min(at->second.first, op.value);
      at->second.second = std::max(at->second.second, op.value);
      order.push_back(static_cast<int>(op.kind));
    }
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 24u);
  const auto expect_range = [&](PixelOpKind kind, double low, double high) {
    EXPECT_GE(ranges[kind].first, low);
    EXPECT_NEAR(ranges[kind].first, low, 0.01 * (high - low));
    EXPECT_LE(ranges[kind].second, high);
    EXPECT_NEAR(ranges[kind].second, high, 0.01 * (high - low));
  };
  expect_range(PixelOpKind::kBrightness, 0.6, 1.4);
  expect_range(PixelOpKind::kContrast, 0, 2.5);  // no factor is negative
  expect_range(PixelOpKind::kSaturation, 0.8, 1.2);
  expect_range(PixelOpKind::kHue, -0.1, 0.1);
}

TEST(ColorJitter, LeavesOutWhatIsSwitchedOffAndTheRestAsItIs) {
  AugmentOptions all;
  all.brightness = all.contrast = all.saturation = 0.4;
  all.hue = 0.1;
  AugmentOptions one = all;
  one.brightness = one.contrast = one.hue = 0;
  std::vector<PixelOp> of_all;
  std::vector<PixelOp> of_one;
  for (int64_t i = 0; i < 100; ++i) {
    choose_color_jitter(all, {.seed = 3, .epoch = 1, .index = i}, of_all);
    choose_color_jitter(one, {.seed = 3, .epoch = 1, .index = i}, of_one);
    ASSERT_EQ(of_one.size(), 1u);
    EXPECT_EQ(of_one[0].value, std::ranges::find(of_all, of_one[0].kind, &PixelOp::kind)->value);
  }
  choose_color_jitter(AugmentOptions{}, {}, of_one);
  EXPECT_TRUE(of_one.empty());
}

TEST(Cutout, CoversTheRectangleThatTheRecipeDraws) {
  for (const auto& test_case : golden("cutout")) {
    const PixelBox r = cutout_rectangle(test_case["share"], test_case["x"], test_case["y"],
                                        test_case["height"], test_case["width"]);
    EXPECT_EQ(nlohmann::json({r.left, r.top, r.right, r.bottom}), test_case["rectangle"])
        << test_case;
  }
}

TEST(Cutout, FillsItsRectangleWithOneColourAndNothingElse) {
  AugmentOptions options;
  options.cutout = 0.5;
  std::vector<uint8_t> pixels(size_t{20} * 30 * 3, 7);
  const auto cutout = choose_cutout(options, {.seed = 1, .epoch = 2, .index = 3}, 20, 30);
  ASSERT_TRUE(cutout);
  fill(*cutout, {pixels.data(), 20, 30});
  for (int64_t y = 0; y < 20; ++y) {
    for (int64_t x = 0; x < 30; ++x) {
      const PixelBox& r = cutout->rectangle;
      const bool inside = x >= r.left && x < r.right && y >= r.top && y < r.bottom;
      for (size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(pixels[static_cast<size_t>(y * 30 + x) * 3 + c], inside ? cutout->colour[c] : 7);
      }
    }
  }
}

TEST(AppearanceChanger, DependsOnSeedEpochAndIndexOnly) {
  AugmentOptions options;
  options.brightness = options.hue = 0.3;
  options.cutout = 0.4;
  options.rand_augment = 2;
  std::vector<uint8_t> source(size_t{32} * 32 * 3);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint8_t>(i * 37);
  const auto changed = [&](const SampleDraw& draw, AppearanceChanger& changer) {
    std::vector<uint8_t> pixels = source;
    changer.apply(options, draw, {pixels.data(), 32, 32});
    return pixels;
  };
  AppearanceChanger one;
  AppearanceChanger other;
  changed({.seed = 9, .epoch = 9, .index = 9}, other);
  EXPECT_EQ(changed({.seed = 1, .epoch = 2, .index = 3}, one),
            changed({.seed = 1, .epoch = 2, .index = 3}, other));
  std::set<std::vector<uint8_t>> all;
  for (int64_t i = 0; i < 30; ++i) all.insert(changed({.seed = 1, .epoch = 2, .index = i}, one));
  EXPECT_EQ(all.size(), 30u);
}

TEST(AppearanceChanger, ChangesNothingWithTheDefaultOptions) {
  std::vector<uint8_t> pixels(size_t{16} * 16 * 3, 90);
  const std::vector<uint8_t> before = pixels;
  AppearanceChanger().apply({}, {}, {pixels.data(), 16, 16});
  EXPECT_EQ(pixels, before);
}

}  // namespace
}  // namespace catamaran
