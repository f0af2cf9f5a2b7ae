#include "dataio/appearance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/philox.h"

namespace catamaran {
namespace {

PhiloxStream stream_of(const SampleDraw& draw, Purpose purpose) {
  return {draw.seed, purpose, draw.epoch, static_cast<uint64_t>(draw.index)};
}

// Of RandAugment, in torchvision's order.
constexpr std::array kRandAugmentKinds = {
    PixelOpKind::kIdentity,     PixelOpKind::kShearX,     PixelOpKind::kShearY,
    PixelOpKind::kTranslateX,   PixelOpKind::kTranslateY, PixelOpKind::kRotate,
    PixelOpKind::kBrightness,   PixelOpKind::kSaturation, PixelOpKind::kContrast,
    PixelOpKind::kSharpness,    PixelOpKind::kPosterize,  PixelOpKind::kSolarize,
    PixelOpKind::kAutoContrast, PixelOpKind::kEqualize};

constexpr double kMostMagnitude = 30;

// An operation at a strength between 0 and 1, towards either side where it has two.
PixelOp at_strength(PixelOpKind kind, double strength, bool other_side, int64_t height,
                    int64_t width) {
  const double sign = other_side ? -1 : 1;
  switch (kind) {
    case PixelOpKind::kShearX:
    case PixelOpKind::kShearY:
      return {kind, sign * 0.3 * strength};
    case PixelOpKind::kTranslateX:
      return {kind, sign * 150.0 / 331.0 * static_cast<double>(width) * strength};
    case PixelOpKind::kTranslateY:
      return {kind, sign * 150.0 / 331.0 * static_cast<double>(height) * strength};
    case PixelOpKind::kRotate:
      return {kind, sign * 30.0 * strength};
    case PixelOpKind::kBrightness:
    case PixelOpKind::kSaturation:
    case PixelOpKind::kContrast:
    case PixelOpKind::kSharpness:
      return {kind, 1 + sign * 0.9 * strength};
    case PixelOpKind::kPosterize:
      return {kind, 8 - std::nearbyint(4 * strength)};
    case PixelOpKind::kSolarize:
      return {kind, 255 * (1 - strength)};
    default:
      return {kind, 0};
  }
}

}  // namespace

void choose_color_jitter(const AugmentOptions& options, const SampleDraw& draw,
                         std::vector<PixelOp>& into) {
  into.clear();
  const std::array<double, 4> widths = {options.brightness, options.contrast, options.saturation,
                                        options.hue};
  if (widths == std::array<double, 4>{}) return;
  constexpr std::array kKinds = {PixelOpKind::kBrightness, PixelOpKind::kContrast,
                                 PixelOpKind::kSaturation, PixelOpKind::kHue};
  PhiloxStream random = stream_of(draw, Purpose::kColorJitter);
  std::array<PixelOp, 4> ops;
  for (size_t i = 0; i < ops.size(); ++i) {
    const bool is_hue = kKinds[i] == PixelOpKind::kHue;
    const double low = is_hue ? -widths[i] : std::max(0.0, 1 - widths[i]);
    const double high = is_hue ? widths[i] : 1 + widths[i];
    ops[i] = {kKinds[i], low + (high - low) * random.uniform()};
  }
  std::array<size_t, 4> order{};
  std::iota(order.begin(), order.end(), size_t{0});
  for (uint32_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (const size_t i : order) {
    if (widths[i] > 0) into.push_back(ops[i]);
  }
}

void choose_rand_augment(const AugmentOptions& options, const SampleDraw& draw, int64_t height,
                         int64_t width, std::vector<PixelOp>& into) {
  into.clear();
  PhiloxStream random = stream_of(draw, Purpose::kRandAugment);
  const double strength = static_cast<double>(options.rand_augment_magnitude) / kMostMagnitude;
  for (int64_t i = 0; i < options.rand_augment; ++i) {
    const PixelOpKind kind = kRandAugmentKinds[random.below(kRandAugmentKinds.size())];
    const bool other_side = random.below(2) == 1;
    into.push_back(at_strength(kind, strength, other_side, height, width));
  }
}

PixelBox cutout_rectangle(double share, int64_t x, int64_t y, int64_t height, int64_t width) {
  const auto half = [share](int64_t side) {
    return static_cast<int64_t>(share * static_cast<double>(side) + 0.5) / 2;
  };
  // The last row and column belong to it, as the recipe's drawing has them.
  return {.left = std::max<int64_t>(x - half(width), 0),
          .top = std::max<int64_t>(y - half(height), 0),
          .right = std::min(x + half(width) + 1, width),
          .bottom = std::min(y + half(height) + 1, height)};
}

std::optional<Cutout> choose_cutout(const AugmentOptions& options, const SampleDraw& draw,
                                    int64_t height, int64_t width) {
  if (options.cutout == 0) return std::nullopt;
  PhiloxStream random = stream_of(draw, Purpose::kCutout);
  const int64_t y = random.below(static_cast<uint32_t>(height));
  const int64_t x = random.below(static_cast<uint32_t>(width));
  Cutout cutout{.rectangle = cutout_rectangle(options.cutout, x, y, height, width), .colour = {}};
  for (uint8_t& channel : cutout.colour) channel = static_cast<uint8_t>(random.below(256));
  return cutout;
}

void fill(const Cutout& cutout, RgbPixels image) {
  const PixelBox& r = cutout.rectangle;
  for (int64_t y = r.top; y < r.bottom; ++y) {
    uint8_t* at = image.data + (y * image.width + r.left) * 3;
    for (int64_t x = r.left; x < r.right; ++x, at += 3)
      std::copy(cutout.colour.begin(), cutout.colour.end(), at);
  }
}

void AppearanceChanger::apply(const AugmentOptions& options, const SampleDraw& draw,
                              RgbPixels image) {
  choose_color_jitter(options, draw, chosen_);
  for (const PixelOp& op : chosen_) ops_.apply(op, image);
  if (const auto cutout = choose_cutout(options, draw, image.height, image.width))
    fill(*cutout, image);
  choose_rand_augment(options, draw, image.height, image.width, chosen_);
  for (const PixelOp& op : chosen_) ops_.apply(op, image);
}

}  // namespace catamaran
