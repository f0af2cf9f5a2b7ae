// A turn of the colour wheel, through PIL's 8-bit HSV and back, the bytes that PIL gives.
//
//   shift_hue(-0.1, {pixels, 448, 448});        // -0.5 to 0.5 of the wheel
//
// Source: Pillow's convert("HSV"), torchvision's adjust_hue. Thread-safe.
#pragma once

#include "dataio/pixel_ops.h"

namespace catamaran {

void shift_hue(double turn, RgbPixels image);

}  // namespace catamaran
