#include "dataio/augment.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "support/assert.h"
#include "support/philox.h"
#include "support/problems.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestCanvas = 1 << 16;
constexpr size_t kMostScales = 64;
constexpr int64_t kSnapDistance = 3;  // a crop less than this from the network's size becomes it

// Left and top of the 13 crops of a canvas, in quarters of the room that the crop leaves: corners,
// centre, middles of the sides, and the middles of the quadrants.
constexpr std::array<std::pair<int, int>, 13> kOffsetQuarters = {{{0, 0},
                                                                  {4, 0},
                                                                  {0, 4},
                                                                  {4, 4},
                                                                  {2, 2},
                                                                  {0, 2},
                                                                  {4, 2},
                                                                  {2, 4},
                                                                  {2, 0},
                                                                  {1, 1},
                                                                  {3, 1},
                                                                  {1, 3},
                                                                  {3, 3}}};

int64_t crop_side(int64_t canvas, double scale, int64_t network_size) {
  const auto side = static_cast<int64_t>(static_cast<double>(canvas) * scale);
  return std::abs(side - network_size) < kSnapDistance ? network_size : side;
}

// Pair number k of those with at most max_distort steps between width and height, or their count.
struct CropPairs {
  int64_t scales;
  int64_t max_distort;

  bool allowed(int64_t i, int64_t j) const { return std::abs(i - j) <= max_distort; }
  uint32_t count() const {
    uint32_t n = 0;
    for (int64_t i = 0; i < scales; ++i) {
      for (int64_t j = 0; j < scales; ++j) n += allowed(i, j) ? 1 : 0;
    }
    return n;
  }
  std::pair<int64_t, int64_t> at(uint32_t k) const {
    for (int64_t i = 0; i < scales; ++i) {
      for (int64_t j = 0; j < scales; ++j) {
        if (allowed(i, j) && k-- == 0) return {i, j};
      }
    }
    CATAMARAN_ASSERT(false, "k is below count()");
    return {0, 0};
  }
};

Region multi_scale_region(const AugmentOptions& options, ImageSize size, int64_t network_size,
                          PhiloxStream& random) {
  const CropPairs pairs{static_cast<int64_t>(options.scales.size()), options.max_distort};
  const auto [i, j] = pairs.at(random.below(pairs.count()));
  const auto [x_quarters, y_quarters] = kOffsetQuarters[random.below(kOffsetQuarters.size())];
  const int64_t canvas = options.resize;
  const int64_t height = crop_side(canvas, options.scales[static_cast<size_t>(i)], network_size);
  const int64_t width = crop_side(canvas, options.scales[static_cast<size_t>(j)], network_size);
  const int64_t left = (canvas - width) / 4 * x_quarters;  // whole pixels of the canvas, as in the
  const int64_t top = (canvas - height) / 4 * y_quarters;  // recipe that crops a resized image
  const auto to_source = [canvas](int64_t at, int32_t side) {
    return static_cast<double>(at * side) / static_cast<double>(canvas);
  };
  return {.left = to_source(left, size.width),
          .top = to_source(top, size.height),
          .right = to_source(left + width, size.width),
          .bottom = to_source(top + height, size.height)};
}

}  // namespace

std::vector<std::string> AugmentOptions::problems() const {
  Problems found("data.augment.");
  found.require_one_of("crop", crop, {"multi_scale", "none"});
  const bool canvas = resize >= 1 && resize <= kLargestCanvas;
  found.require(
      canvas, "resize", std::to_string(resize) + " is no side of a canvas",
      "use 1 to " + std::to_string(kLargestCanvas) + ", usually 8/7 of the network's size");
  found.require(!scales.empty() && scales.size() <= kMostScales, "scales",
                "there are " + std::to_string(scales.size()) + " scales",
                "give 1 to " + std::to_string(kMostScales) + " of them");
  for (const double scale : scales) {
    const bool leaves_a_pixel = !canvas || static_cast<double>(resize) * scale >= 1;
    found.require(scale > 0 && scale <= 1 && leaves_a_pixel, "scales",
                  std::to_string(scale) + " is no part of the canvas",
                  "use values above 0 and at most 1 that leave a pixel of data.augment.resize");
  }
  found.require(max_distort >= 0, "max_distort",
                "steps between width and height cannot be negative", "use 0 for squares, or more");
  return found.take();
}

void AugmentOptions::check() const { throw_if_any(problems()); }

Placement whole_image(ImageSize size) {
  return {.region = {.left = 0,
                     .top = 0,
                     .right = static_cast<double>(size.width),
                     .bottom = static_cast<double>(size.height)},
          .mirrored = false};
}

Placement choose_placement(const AugmentOptions& options, ImageSize size, int64_t network_size,
                           uint64_t seed, uint32_t epoch, int64_t index) {
  PhiloxStream random(seed, Purpose::kAugment, epoch, static_cast<uint64_t>(index));
  // The mirror is drawn first, so that it does not depend on how the crop is chosen.
  const bool heads = random.below(2) == 1;
  Placement placement = whole_image(size);
  if (options.crop == "multi_scale") {
    placement.region = multi_scale_region(options, size, network_size, random);
  }
  placement.mirrored = options.flip && heads;
  return placement;
}

}  // namespace catamaran
