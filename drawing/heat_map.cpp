#include "drawing/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "support/assert.h"

namespace catamaran {
namespace {

// Equally far apart from 0 to 1, each lighter than the one before.
constexpr std::array<Colour, 6> kStops = {
    {{20, 12, 60}, {86, 22, 112}, {168, 44, 98}, {228, 92, 58}, {250, 166, 44}, {255, 244, 160}}};
constexpr double kLeastShare = 0.30;  // of the heat's colour over the picture, at 0
constexpr double kMostShare = 0.62;   // and at 1

uint8_t between(uint8_t from, uint8_t to, double share) {
  return static_cast<uint8_t>(std::lround(from + (to - from) * share));
}

}  // namespace

Colour heat_colour(double heat) {
  const double place = std::clamp(heat, 0.0, 1.0) * (kStops.size() - 1);
  const size_t stop = std::min(static_cast<size_t>(place), kStops.size() - 2);
  const double share = place - static_cast<double>(stop);
  const Colour& from = kStops[stop];
  const Colour& to = kStops[stop + 1];
  return {between(from.red, to.red, share), between(from.green, to.green, share),
          between(from.blue, to.blue, share)};
}

Picture heat_over(const Picture& picture, std::span<const float> map, double least_spread) {
  CATAMARAN_ASSERT(std::ssize(map) == picture.width() * picture.height(),
                   "the map was brought to the picture's size");
  const auto [low, high] = std::minmax_element(map.begin(), map.end());
  const double spread = std::max<double>(*high - *low, least_spread);
  Picture over = picture;
  for (int64_t y = 0; y < picture.height(); ++y) {
    for (int64_t x = 0; x < picture.width(); ++x) {
      const double heat = (map[static_cast<size_t>(y * picture.width() + x)] - *low) / spread;
      over.blend(x, y, heat_colour(heat), kLeastShare + (kMostShare - kLeastShare) * heat);
    }
  }
  return over;
}

}  // namespace catamaran
