#include "dataio/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "dataio/image.h"
#include "golden_file.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

constexpr ImageSize kSize{.height = 375, .width = 500};
constexpr int64_t kNetwork = 448;

// Region in pixels of the canvas, where it lies on whole ones.
std::tuple<int, int, int, int> on_canvas(const Region& region, ImageSize size, int64_t canvas) {
  const auto pixel = [canvas](double at, int32_t side) {
    const double exact = at * static_cast<double>(canvas) / side;
    EXPECT_NEAR(exact, std::round(exact), 1e-9);
    return static_cast<int>(std::round(exact));
  };
  return {pixel(region.left, size.width), pixel(region.top, size.height),
          pixel(region.right, size.width), pixel(region.bottom, size.height)};
}

TEST(ChoosePlacement, IsAPureFunctionOfSeedEpochAndIndex) {
  const auto numbers = [](uint64_t seed, uint32_t epoch, int64_t index) {
    const Placement p = choose_placement({}, kSize, kNetwork, seed, epoch, index);
    return std::tuple(p.region.left, p.region.top, p.region.right, p.region.bottom, p.mirrored);
  };
  std::set<std::tuple<double, double, double, double, bool>> seeds, epochs, images;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(numbers(1, 2, i), numbers(1, 2, i));
    seeds.insert(numbers(static_cast<uint64_t>(i), 2, 3));
    epochs.insert(numbers(1, static_cast<uint32_t>(i), 3));
    images.insert(numbers(1, 2, i));
  }
  EXPECT_GT(seeds.size(), 30u);
  EXPECT_GT(epochs.size(), 30u);
  EXPECT_GT(images.size(), 30u);
}

TEST(ChoosePlacement, DrawsEveryAllowedPairOfSidesEquallyOften) {
  constexpr int kDraws = 19 * 2000;
  std::map<std::pair<int, int>, int> counts;
  for (int64_t i = 0; i < kDraws; ++i) {
    const Placement placement = choose_placement({}, kSize, kNetwork, 1, 0, i);
    const auto [left, top, right, bottom] = on_canvas(placement.region, kSize, 512);
    ++counts[{right - left, bottom - top}];
  }
  const std::vector<int> sides = {512, 448, 384, 337, 256};
  size_t allowed = 0;
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) {
      const auto pair = std::pair(sides[static_cast<size_t>(i)], sides[static_cast<size_t>(j)]);
      if (std::abs(i - j) > 2) {
        EXPECT_EQ(counts.count(pair), 0u);
      } else {
        EXPECT_NEAR(counts[pair], 2000, 270);  // 6 standard deviations
        ++allowed;
      }
    }
  }
  EXPECT_EQ(allowed, 19u);
  EXPECT_EQ(counts.size(), 19u);
}

TEST(ChoosePlacement, DrawsTheThirteenOffsetsEquallyOften) {
  AugmentOptions options;
  options.scales = {0.75};
  constexpr int kDraws = 13 * 2000;
  std::map<std::pair<int, int>, int> counts;
  for (int64_t i = 0; i < kDraws; ++i) {
    const Placement placement = choose_placement(options, kSize, kNetwork, 1, 0, i);
    const auto [left, top, right, bottom] = on_canvas(placement.region, kSize, 512);
    ++counts[{left, top}];
  }
  const std::set<std::pair<int, int>> quarters = {{0, 0}, {4, 0}, {0, 4}, {4, 4}, {2, 2},
                                                  {0, 2}, {4, 2}, {2, 4}, {2, 0}, {1, 1},
                                                  {3, 1}, {1, 3}, {3, 3}};
  EXPECT_EQ(counts.size(), 13u);
  for (const auto& [x, y] : quarters) {
    EXPECT_NEAR((counts[{x * 32, y * 32}]), 2000, 270) << x << ", " << y;
  }
}

TEST(ChoosePlacement, StaysWithinTheImage) {
  AugmentOptions options;
  options.resize = 509;
  options.scales = {1, 0.999, 0.5, 0.01};
  options.max_distort = 3;
  for (ImageSize size : {ImageSize{1, 1}, ImageSize{1, 5000}, ImageSize{333, 7}, kSize}) {
    for (int64_t i = 0; i < 2000; ++i) {
      const Region r = choose_placement(options, size, kNetwork, 1, 0, i).region;
      ASSERT_GE(r.left, 0);
      ASSERT_LT(r.left, r.right);
      ASSERT_LE(r.right, size.width);
      ASSERT_GE(r.top, 0);
      ASSERT_LT(r.top, r.bottom);
      ASSERT_LE(r.bottom, size.height);
    }
  }
}

TEST(ChoosePlacement, TakesTheNetworksSideForASideLessThanThreePixelsAway) {
  AugmentOptions options;
  for (const auto& [network, side] :
       std::map<int, int>{{334, 337}, {335, 335}, {337, 337}, {339, 339}, {340, 337}}) {
    options.scales = {0.66};
    const Region region = choose_placement(options, {512, 512}, network, 1, 0, 0).region;
    EXPECT_EQ(region.right - region.left, side) << network;
  }
}

TEST(ChoosePlacement, MirrorsHalfOfTheImagesWhateverTheCrop) {
  AugmentOptions none;
  none.crop = "none";
  AugmentOptions still;
  still.flip = false;
  int mirrored = 0;
  for (int64_t i = 0; i < 10000; ++i) {
    const Placement cropped = choose_placement({}, kSize, kNetwork, 1, 0, i);
    const Placement whole = choose_placement(none, kSize, kNetwork, 1, 0, i);
    const Placement unmirrored = choose_placement(still, kSize, kNetwork, 1, 0, i);
    mirrored += cropped.mirrored ? 1 : 0;
    ASSERT_EQ(whole.mirrored, cropped.mirrored);
    ASSERT_EQ(whole.region.right, kSize.width);
    ASSERT_FALSE(unmirrored.mirrored);
    ASSERT_EQ(unmirrored.region.left, cropped.region.left);
  }
  EXPECT_NEAR(mirrored, 5000, 300);  // 6 standard deviations
}

TEST(WholeImage, IsTheImageNotMirrored) {
  const Placement placement = whole_image(kSize);
  EXPECT_EQ(placement.region.left, 0);
  EXPECT_EQ(placement.region.top, 0);
  EXPECT_EQ(placement.region.right, 500);
  EXPECT_EQ(placement.region.bottom, 375);
  EXPECT_FALSE(placement.mirrored);
}

TEST(ChoosePlacement, CropsWhatTorchvisionsRandomResizedCropDoesWithTheSameNumbers) {
  const nlohmann::json golden = read_json_file(golden_path("augment/cases.json"), ErrorKind::kData);
  EXPECT_EQ(golden["random_resized"].size(), 400u);
  for (const auto& test_case : golden["random_resized"]) {
    AugmentOptions options;
    options.crop = "random_resized";
    options.area = test_case["area"].get<std::vector<double>>();
    options.ratio = test_case["ratio"].get<std::vector<double>>();
    const Placement placement =
        choose_placement(options, {.height = test_case["height"], .width = test_case["width"]}, 224,
                         test_case["seed"], test_case["epoch"], test_case["index"]);
    const Region& r = placement.region;
    EXPECT_EQ(nlohmann::json({r.left, r.top, r.right, r.bottom}), test_case["box"]) << test_case;
  }
}

TEST(CenterCrop, GivesTheBytesOfTorchvisionsResizeAndCenterCrop) {
  const nlohmann::json golden = read_json_file(golden_path("augment/cases.json"), ErrorKind::kData);
  ImageDecoder decoder;
  for (const auto& test_case : golden["center"]) {
    const std::string file = test_case["file"];
    const int64_t size = test_case["size"];
    const std::vector<uint8_t> jpeg = golden_bytes("augment/" + file + ".jpg");
    std::vector<uint8_t> square(static_cast<size_t>(size * size * 3));
    decoder.decode(jpeg, center_crop(read_jpeg_size(jpeg, file), test_case["shorter"], size), size,
                   square.data(), file);
    EXPECT_TRUE(square == golden_bytes("augment/" + file + ".rgb")) << test_case;
  }
}

std::string refusal(void (*change)(AugmentOptions&)) {
  AugmentOptions options;
  change(options);
  try {
    options.check();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(AugmentOptions, AreRefusedWithTheKeyThatIsWrong) {
  EXPECT_EQ(refusal([](AugmentOptions&) {}), "accepted");
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.crop = "five"; }), HasSubstr("data.augment.crop"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.resize = 0; }), HasSubstr("data.augment.resize"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.scales = {}; }), HasSubstr("data.augment.scales"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.scales = {1.01}; }),
              HasSubstr("data.augment.scales"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.scales = {0}; }), HasSubstr("data.augment.scales"));
  EXPECT_THAT(
      refusal([](AugmentOptions& o) { o.scales = {std::numeric_limits<double>::quiet_NaN()}; }),
      HasSubstr("data.augment.scales"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.max_distort = -1; }),
              HasSubstr("data.augment.max_distort"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.area = {0.5}; }), HasSubstr("data.augment.area"));
  EXPECT_THAT(refusal([](AugmentOptions& o) {
                o.area = {0.5, 0.4};
              }),
              HasSubstr("data.augment.area"));
  EXPECT_THAT(refusal([](AugmentOptions& o) {
                o.ratio = {0, 1};
              }),
              HasSubstr("data.augment.ratio"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.hue = 0.6; }), HasSubstr("data.augment.hue"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.brightness = -1; }),
              HasSubstr("data.augment.brightness"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.rand_augment_magnitude = 31; }),
              HasSubstr("data.augment.rand_augment_magnitude"));
  EXPECT_THAT(refusal([](AugmentOptions& o) { o.mix_labels = "none"; }),
              HasSubstr("data.augment.mix_labels"));
}

}  // namespace
}  // namespace catamaran
