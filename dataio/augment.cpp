#include "dataio/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "support/assert.h"
#include "support/error.h"
#include "support/philox.h"
#include "support/problems.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestCanvas = 1 << 16;
constexpr size_t kMostScales = 64;
constexpr int kCropTries = 10;
constexpr double kMostJitter = 10;
constexpr double kMostAlpha = 1000;
constexpr int64_t kMostOperations = 16;
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

// As torchvision's RandomResizedCrop: ten tries, then the largest part of an allowed ratio.
Region random_resized_region(const AugmentOptions& options, ImageSize size, PhiloxStream& random) {
  const double height = size.height;
  const double width = size.width;
  const auto between = [&](double low, double high) {
    return low + (high - low) * random.uniform();
  };
  const auto region = [](double left, double top, double columns, double rows) {
    return Region{.left = left, .top = top, .right = left + columns, .bottom = top + rows};
  };
  for (int i = 0; i < kCropTries; ++i) {
    const double target = height * width * between(options.area[0], options.area[1]);
    const double ratio = std::exp(between(std::log(options.ratio[0]), std::log(options.ratio[1])));
    const double columns = std::nearbyint(std::sqrt(target * ratio));
    const double rows = std::nearbyint(std::sqrt(target / ratio));
    if (columns < 1 || columns > width || rows < 1 || rows > height) continue;
    const uint32_t top = random.below(static_cast<uint32_t>(height - rows) + 1);
    const uint32_t left = random.below(static_cast<uint32_t>(width - columns) + 1);
    return region(left, top, columns, rows);
  }
  double columns = width;
  double rows = height;
  if (width / height < options.ratio[0]) rows = std::nearbyint(width / options.ratio[0]);
  if (width / height > options.ratio[1]) columns = std::nearbyint(height * options.ratio[1]);
  columns = std::clamp(columns, 1.0, width);
  rows = std::clamp(rows, 1.0, height);
  return region(std::floor((width - columns) / 2), std::floor((height - rows) / 2), columns, rows);
}

void require_range(Problems& found, const std::string& key, const std::vector<double>& range,
                   double most, const std::string& hint) {
  const bool holds = range.size() == 2 && range[0] > 0 && range[0] <= range[1] && range[1] <= most;
  found.require(holds, key, "must be two numbers, the least and the most", hint);
}

}  // namespace

std::vector<std::string> AugmentOptions::problems() const {
  Problems found("data.augment.");
  found.require_one_of("crop", crop, {"multi_scale", "random_resized", "center", "none"});
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
  require_range(found, "area", area, 1, "shares of the image above 0 and at most 1: [0.08, 1.0]");
  require_range(found, "ratio", ratio, 100, "width / height: [0.75, 1.3333]");
  const auto require_factor = [&](const std::string& key, double value, double most) {
    found.require(value >= 0 && value <= most, key,
                  std::to_string(value) + " is not between 0 and " + std::to_string(most),
                  "0 switches it off");
  };
  require_factor("brightness", brightness, kMostJitter);
  require_factor("contrast", contrast, kMostJitter);
  require_factor("saturation", saturation, kMostJitter);
  require_factor("hue", hue, 0.5);
  require_factor("cutout", cutout, 1);
  require_factor("mixup", mixup, kMostAlpha);
  require_factor("cutmix", cutmix, kMostAlpha);
  require_factor("mix_probability", mix_probability, 1);
  found.require_one_of("mix_labels", mix_labels, {"share", "union"});
  found.require(rand_augment >= 0 && rand_augment <= kMostOperations, "rand_augment",
                std::to_string(rand_augment) + " operations an image cannot be",
                "2 is usual, 0 switches it off");
  found.require(rand_augment_magnitude >= 0 && rand_augment_magnitude <= 30,
                "rand_augment_magnitude", "must be 0 to 30", "9 is usual");
  return found.take();
}

void AugmentOptions::check() const { throw_if_any(problems()); }

void AugmentOptions::check_size(int64_t network_size) const {
  if (!resizes_to_canvas() || resize >= network_size) return;
  throw UsageError("a canvas of " + std::to_string(resize) + " is smaller than the network's " +
                       std::to_string(network_size),
                   "data.augment.resize", "set it to " + std::to_string(network_size) + " or more");
}

Placement whole_image(ImageSize size) {
  Placement whole;
  whole.region = {.left = 0,
                  .top = 0,
                  .right = static_cast<double>(size.width),
                  .bottom = static_cast<double>(size.height)};
  return whole;
}

Placement center_crop(ImageSize size, int64_t shorter, int64_t network_size) {
  const int64_t short_side = std::min(size.height, size.width);
  const auto scaled = [&](int32_t side) {  // the shorter one becomes `shorter` exactly
    return static_cast<int32_t>(shorter * side / short_side);
  };
  const auto middle = [&](int32_t side) {
    return static_cast<int32_t>(std::nearbyint(static_cast<double>(side - network_size) / 2));
  };
  Placement placement = whole_image(size);
  placement.canvas = {.height = scaled(size.height), .width = scaled(size.width)};
  placement.left = middle(placement.canvas.width);
  placement.top = middle(placement.canvas.height);
  return placement;
}

Placement choose_placement(const AugmentOptions& options, ImageSize size, int64_t network_size,
                           uint64_t seed, uint32_t epoch, int64_t index) {
  PhiloxStream random(seed, Purpose::kAugment, epoch, static_cast<uint64_t>(index));
  // The mirror is drawn first, so that it does not depend on how the crop is chosen.
  const bool heads = random.below(2) == 1;
  Placement placement = whole_image(size);
  if (options.crop == "multi_scale") {
    placement.region = multi_scale_region(options, size, network_size, random);
  } else if (options.crop == "random_resized") {
    placement.region = random_resized_region(options, size, random);
  } else if (options.crop == "center") {
    placement = center_crop(size, options.resize, network_size);
  }
  placement.mirrored = options.flip && heads;
  return placement;
}

}  // namespace catamaran
