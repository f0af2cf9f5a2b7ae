// Picture: an 8-bit RGB picture in memory that can be filled, pasted into and blended.
//
//   Picture sheet(640, 480, kWhite);
//   sheet.paste(photo, 10, 10);                        // what lies outside is cut off
//   sheet.fill({.left = 0, .top = 440, .width = 640, .height = 40}, kInk);
//
// Pixels from the top left, rows of width x 3 bytes without gaps. The picture owns them. One thread
// at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  bool operator==(const Colour&) const = default;
};

struct Rectangle {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};

class Picture {
 public:
  Picture() = default;
  Picture(int64_t width, int64_t height, Colour colour);
  // rgb: height x width x 3.
  Picture(int64_t width, int64_t height, std::span<const uint8_t> rgb);

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  std::span<const uint8_t> rgb() const { return rgb_; }
  Colour at(int64_t x, int64_t y) const;  // inside

  void fill(const Rectangle& area, Colour colour);
  void paste(const Picture& other, int64_t left, int64_t top);
  // share in 0..1 of colour over what is there; nothing happens outside.
  void blend(int64_t x, int64_t y, Colour colour, double share);

 private:
  size_t offset(int64_t x, int64_t y) const { return static_cast<size_t>((y * width_ + x) * 3); }

  int64_t width_ = 0;
  int64_t height_ = 0;
  std::vector<uint8_t> rgb_;
};

}  // namespace catamaran
