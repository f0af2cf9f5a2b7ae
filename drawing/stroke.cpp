#include "drawing/stroke.h"

#include <algorithm>
#include <cmath>

#include "support/assert.h"

namespace catamaran {
namespace {

double distance_to_segment(double x, double y, Point from, Point to) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double square = dx * dx + dy * dy;
  const double along =
      square > 0 ? std::clamp(((x - from.x) * dx + (y - from.y) * dy) / square, 0.0, 1.0) : 0;
  return std::hypot(x - (from.x + along * dx), y - (from.y + along * dy));
}

// The first and the last pixel of [low, high] that lie in [begin, begin + count).
std::pair<int64_t, int64_t> pixels(double low, double high, int64_t begin, int64_t count) {
  const auto first = static_cast<double>(begin);
  const auto last = static_cast<double>(begin + count - 1);
  return {static_cast<int64_t>(std::clamp(std::floor(low), first, last + 1)),
          static_cast<int64_t>(std::clamp(std::floor(high), first - 1, last))};
}

}  // namespace

Stroke::Stroke(const Rectangle& area) : area_(area) {
  CATAMARAN_ASSERT(area.width > 0 && area.height > 0, "a shape has room");
  cover_.resize(static_cast<size_t>(area.width * area.height));
}

void Stroke::segment(Point from, Point to, double width) {
  CATAMARAN_ASSERT(std::isfinite(from.x + from.y + to.x + to.y), "points have a place");
  const double half = width / 2;
  const double reach = half + 1;
  const auto [top, bottom] = pixels(std::min(from.y, to.y) - reach, std::max(from.y, to.y) + reach,
                                    area_.top, area_.height);
  const auto [left, right] = pixels(std::min(from.x, to.x) - reach, std::max(from.x, to.x) + reach,
                                    area_.left, area_.width);
  for (int64_t y = top; y <= bottom; ++y) {
    for (int64_t x = left; x <= right; ++x) {
      const double distance =
          distance_to_segment(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5, from, to);
      float& cover = cover_[static_cast<size_t>((y - area_.top) * area_.width + x - area_.left)];
      cover = std::max(cover, static_cast<float>(std::clamp(half + 0.5 - distance, 0.0, 1.0)));
    }
  }
}

void Stroke::dashed(Point from, Point to, double width, double on, double off) {
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const auto at = [&](double along) {
    const double share = length > 0 ? std::min(1.0, along / length) : 0;
    return Point{from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)};
  };
  for (double along = 0; along <= length; along += on + off)
    segment(at(along), at(along + on), width);
}

void Stroke::draw(Picture& picture, Colour colour, double share) const {
  for (int64_t y = 0; y < area_.height; ++y) {
    for (int64_t x = 0; x < area_.width; ++x) {
      const float cover = cover_[static_cast<size_t>(y * area_.width + x)];
      if (cover > 0) picture.blend(area_.left + x, area_.top + y, colour, share * cover);
    }
  }
}

}  // namespace catamaran
