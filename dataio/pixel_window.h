// Sizes of images and windows in them, in whole pixels. Plain data.
#pragma once

#include <cstdint>

namespace catamaran {

struct ImageSize {
  int32_t height = 0;
  int32_t width = 0;
};

// Columns [left, right), rows [top, bottom).
struct PixelWindow {
  int32_t left = 0;
  int32_t top = 0;
  int32_t right = 0;
  int32_t bottom = 0;
};

}  // namespace catamaran
