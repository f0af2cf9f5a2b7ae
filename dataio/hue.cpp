#include "dataio/hue.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace catamaran {
namespace {

using Pixel = std::array<uint8_t, 3>;

uint8_t to_byte(float value) {
  return static_cast<uint8_t>(std::clamp(static_cast<int>(value), 0, 255));
}

Pixel to_hsv(const uint8_t* rgb) {
  const int r = rgb[0];
  const int g = rgb[1];
  const int b = rgb[2];
  const int most = std::max({r, g, b});
  const int least = std::min({r, g, b});
  if (most == least) return {0, 0, static_cast<uint8_t>(most)};
  const auto range = static_cast<float>(most - least);
  const float saturation = range / static_cast<float>(most);
  const auto below = [&](int channel) { return static_cast<float>(most - channel) / range; };
  float hue;
  if (r == most) {
    hue = below(b) - below(g);
  } else if (g == most) {
    hue = static_cast<float>(2.0 + below(r) - below(b));
  } else {
    hue = static_cast<float>(4.0 + below(g) - below(r));
  }
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  return {to_byte(static_cast<float>(hue * 255.0)), to_byte(static_cast<float>(saturation * 255.0)),
          static_cast<uint8_t>(most)};
}

Pixel to_rgb(const Pixel& hsv) {
  const auto [hue, saturation, value] = hsv;
  if (saturation == 0) return {value, value, value};
  const auto sixths = static_cast<float>(hue * 6.0 / 255.0);
  const auto sector = static_cast<int>(std::floor(sixths));
  const float f = sixths - static_cast<float>(sector);
  const auto s = static_cast<float>(saturation / 255.0);
  const auto dimmed = [v = static_cast<float>(value)](double by) {
    return static_cast<uint8_t>(
        std::clamp(static_cast<int>(std::round(static_cast<double>(v) * (1.0 - by))), 0, 255));
  };
  const uint8_t p = dimmed(s);
  const uint8_t q = dimmed(s * f);
  const uint8_t t = dimmed(s * (1.0 - f));
  switch (sector % 6) {
    case 0:
      return {value, t, p};
    case 1:
      return {q, value, p};
    case 2:
      return {p, value, t};
    case 3:
      return {p, q, value};
    case 4:
      return {t, p, value};
    default:
      return {value, p, q};
  }
}

}  // namespace

void shift_hue(double turn, RgbPixels image) {
  const auto shift = static_cast<uint8_t>(static_cast<int32_t>(turn * 255));
  for (uint8_t* p = image.data; p < image.data + image.bytes(); p += 3) {
    Pixel hsv = to_hsv(p);
    hsv[0] = static_cast<uint8_t>(hsv[0] + shift);
    const Pixel rgb = to_rgb(hsv);
    std::copy(rgb.begin(), rgb.end(), p);
  }
}

}  // namespace catamaran
