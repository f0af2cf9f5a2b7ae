#include "drawing/picture.h"

#include <algorithm>
#include <cmath>

#include "support/assert.h"

namespace catamaran {
namespace {

uint8_t mix(uint8_t below, uint8_t above, double share) {
  return static_cast<uint8_t>(std::lround(below + (above - below) * share));
}

}  // namespace

Picture::Picture(int64_t width, int64_t height, Colour colour) : width_(width), height_(height) {
  CATAMARAN_ASSERT(width > 0 && height > 0, "a picture has pixels");
  rgb_.resize(static_cast<size_t>(width * height * 3));
  fill({.left = 0, .top = 0, .width = width, .height = height}, colour);
}

Picture::Picture(int64_t width, int64_t height, std::span<const uint8_t> rgb)
    : width_(width), height_(height), rgb_(rgb.begin(), rgb.end()) {
  CATAMARAN_ASSERT(width > 0 && height > 0 && std::ssize(rgb_) == width * height * 3,
                   "the caller made the pixels of this size");
}

Colour Picture::at(int64_t x, int64_t y) const {
  CATAMARAN_ASSERT(x >= 0 && x < width_ && y >= 0 && y < height_, "the pixel is in the picture");
  const uint8_t* pixel = rgb_.data() + offset(x, y);
  return {pixel[0], pixel[1], pixel[2]};
}

void Picture::fill(const Rectangle& area, Colour colour) {
  const int64_t right = std::min(width_, area.left + area.width);
  const int64_t bottom = std::min(height_, area.top + area.height);
  for (int64_t y = std::max<int64_t>(0, area.top); y < bottom; ++y) {
    for (int64_t x = std::max<int64_t>(0, area.left); x < right; ++x) {
      uint8_t* pixel = rgb_.data() + offset(x, y);
      pixel[0] = colour.red;
      pixel[1] = colour.green;
      pixel[2] = colour.blue;
    }
  }
}

void Picture::paste(const Picture& other, int64_t left, int64_t top) {
  const int64_t from = std::max<int64_t>(0, -left);
  const int64_t to = std::min(other.width_, width_ - left);
  if (from >= to) return;
  const int64_t bottom = std::min(other.height_, height_ - top);
  for (int64_t y = std::max<int64_t>(0, -top); y < bottom; ++y) {
    std::copy_n(other.rgb_.data() + other.offset(from, y), (to - from) * 3,
                rgb_.data() + offset(left + from, top + y));
  }
}

void Picture::blend(int64_t x, int64_t y, Colour colour, double share) {
  if (x < 0 || x >= width_ || y < 0 || y >= height_) return;
  uint8_t* pixel = rgb_.data() + offset(x, y);
  pixel[0] = mix(pixel[0], colour.red, share);
  pixel[1] = mix(pixel[1], colour.green, share);
  pixel[2] = mix(pixel[2], colour.blue, share);
}

}  // namespace catamaran
