// A picture of one colour as a JPEG file in memory, for packs that a test makes.
//
//   const std::vector<uint8_t> jpeg = made_jpeg(64, 48, 200, 10, 30);
#pragma once

#include <cstdint>
#include <vector>

namespace catamaran {

std::vector<uint8_t> made_jpeg(int width, int height, uint8_t red, uint8_t green, uint8_t blue);

}  // namespace catamaran
