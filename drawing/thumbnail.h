// A PNG file's bytes as a small JPEG, for pages that embed many pictures.
//
//   const Thumbnail small = thumbnail(png_bytes, 360, "runs/a/explain/1-dog.png");
//   small.width;  small.jpeg;                       // the file's bytes
//
// Scaled down by the mean of the pixels that each new one covers, so that the longest side has at
// most so many pixels; a smaller picture keeps its size. What is transparent lies on white.
//
// Errors: UsageError with `where` for bytes that are no PNG, and for a picture of more than 64
// million pixels. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "drawing/picture.h"

namespace catamaran {

struct Thumbnail {
  std::string jpeg;
  int64_t width = 0, height = 0;
};

Thumbnail thumbnail(std::string_view png, int64_t longest_side, const std::string& where);

// The parts, for those who want one of them alone.
Picture read_png(std::string_view png, const std::string& where);
Picture scaled_down(const Picture& picture, int64_t longest_side);

}  // namespace catamaran
