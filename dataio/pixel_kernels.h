// The arithmetic of dataio/pixel_ops.h in vector instructions, the best the processor has. Floating
// point in single precision, multiplied and added apart as Pillow does, so every processor gives
// the same bytes. Thread-safe.
#pragma once

#include <cstdint>

namespace catamaran {

// Pillow's gray of a pixel, in whole numbers.
constexpr int32_t gray_of(int32_t red, int32_t green, int32_t blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

// bytes[i] = clamp(from + factor * (bytes[i] - from)), cut off to whole numbers.
void blend_with_constant(uint8_t from, float factor, uint8_t* bytes, int64_t count);
// bytes[i] = clamp(from[i] + factor * (bytes[i] - from[i])).
void blend_with(const uint8_t* from, float factor, uint8_t* bytes, int64_t count);
// Each pixel blended with its own gray.
void blend_with_gray(float factor, uint8_t* rgb, int64_t pixels);
// Sum of the pixels' grays.
uint64_t sum_of_gray(const uint8_t* rgb, int64_t pixels);
// bytes[i] >= threshold: 255 - bytes[i]. threshold: 0 to 256.
void invert_from(int32_t threshold, uint8_t* bytes, int64_t count);
void keep_bits(uint8_t mask, uint8_t* bytes, int64_t count);

}  // namespace catamaran
