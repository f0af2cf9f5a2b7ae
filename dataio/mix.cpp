#include "dataio/mix.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "support/assert.h"
#include "support/philox.h"

namespace catamaran {
namespace {

// Standard normal, by the polar method.
double normal(PhiloxStream& random) {
  while (true) {
    const double x = 2 * random.uniform() - 1;
    const double y = 2 * random.uniform() - 1;
    const double r = x * x + y * y;
    if (r > 0 && r < 1) return x * std::sqrt(-2 * std::log(r) / r);
  }
}

// The logarithm of a Gamma(alpha, 1) variate (Marsaglia and Tsang 2000); of small alphas the
// variate itself underflows.
double log_gamma_variate(double alpha, PhiloxStream& random) {
  const double boosted = alpha < 1 ? alpha + 1 : alpha;
  const double d = boosted - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal(random);
    const double v = std::pow(1 + c * x, 3);
    const double u = 1 - random.uniform();  // above 0
    if (v <= 0 || std::log(u) >= x * x / 2 + d - d * v + d * std::log(v)) continue;
    const double boost = alpha < 1 ? std::log(1 - random.uniform()) / alpha : 0;
    return std::log(d * v) + boost;
  }
}

// Beta(alpha, alpha).
double beta_variate(double alpha, PhiloxStream& random) {
  const double a = log_gamma_variate(alpha, random);
  const double b = log_gamma_variate(alpha, random);
  return 1 / (1 + std::exp(b - a));
}

Mix cut(double share, int64_t height, int64_t width, PhiloxStream& random) {
  const int64_t y = random.below(static_cast<uint32_t>(height));
  const int64_t x = random.below(static_cast<uint32_t>(width));
  const double side = std::sqrt(1 - share);
  const auto half = [side](int64_t of) {
    return static_cast<int64_t>(side * static_cast<double>(of)) / 2;
  };
  Mix mix{.cuts = true,
          .rectangle = {.left = std::max<int64_t>(x - half(width), 0),
                        .top = std::max<int64_t>(y - half(height), 0),
                        .right = std::min(x + half(width), width),
                        .bottom = std::min(y + half(height), height)},
          .share = 1};
  const PixelBox& r = mix.rectangle;
  const auto area = static_cast<double>((r.right - r.left) * (r.bottom - r.top));
  mix.share = 1 - area / static_cast<double>(height * width);
  return mix;
}

void exchange(const PixelBox& r, RgbPixels first, RgbPixels second) {
  for (int64_t y = r.top; y < r.bottom; ++y) {
    const int64_t from = (y * first.width + r.left) * 3;
    const int64_t to = (y * first.width + r.right) * 3;
    std::swap_ranges(first.data + from, first.data + to, second.data + from);
  }
}

}  // namespace

std::optional<Mix> choose_mix(const AugmentOptions& options, const SampleDraw& draw, int64_t height,
                              int64_t width) {
  if (!options.mixes()) return std::nullopt;
  PhiloxStream random(draw.seed, Purpose::kMix, draw.epoch, static_cast<uint64_t>(draw.index));
  const bool mixes = random.uniform() < options.mix_probability;
  const bool heads = random.below(2) == 1;
  if (!mixes) return std::nullopt;
  const bool cuts = options.cutmix > 0 && (options.mixup == 0 || heads);
  const double share = beta_variate(cuts ? options.cutmix : options.mixup, random);
  if (cuts) return cut(share, height, width, random);
  return Mix{.cuts = false, .rectangle = {}, .share = share};
}

void mix_pixels(const Mix& mix, RgbPixels first, RgbPixels second) {
  CATAMARAN_ASSERT(first.bytes() == second.bytes(), "images of a batch have one size");
  if (mix.cuts) return exchange(mix.rectangle, first, second);
  // In 16-bit fixed point.
  const auto own = static_cast<int32_t>(std::lround(mix.share * 65536));
  const int32_t other = 65536 - own;
  for (int64_t i = 0; i < first.bytes(); ++i) {
    const int32_t a = first.data[i];
    const int32_t b = second.data[i];
    first.data[i] = static_cast<uint8_t>((a * own + b * other + 32768) >> 16);
    second.data[i] = static_cast<uint8_t>((b * own + a * other + 32768) >> 16);
  }
}

}  // namespace catamaran
