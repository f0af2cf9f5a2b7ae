// The nearest-neighbour affine transform of a picture, the pixels that PIL's Image.transform(size,
// AFFINE, matrix, NEAREST) takes; what lies outside is black.
//
//   transform_nearest(rotation(30, height, width), copy, image);
//
// A matrix (a b c d e f) maps the output's (x, y) to the input's (a x + b y + c, d x + e y + f).
// Thread-safe.
#pragma once

#include <array>
#include <cstdint>

#include "dataio/pixel_ops.h"

namespace catamaran {

using AffineMatrix = std::array<double, 6>;

// x' = x + tangent y, and y' = y + tangent x: the left upper corner stays.
AffineMatrix shear_x(double tangent);
AffineMatrix shear_y(double tangent);
AffineMatrix translation(int64_t x, int64_t y);
// degrees counter-clockwise around the centre.
AffineMatrix rotation(double degrees, int64_t height, int64_t width);

// from: a picture of the same size, another buffer.
void transform_nearest(const AffineMatrix& matrix, const uint8_t* from, RgbPixels to);

}  // namespace catamaran
