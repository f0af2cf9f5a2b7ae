#include "dataio/affine.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace catamaran {
namespace {

// What a forward matrix with the shears x and y (radians) and a shift does, the other way round,
// the point (0, 0) fixed; rounded as torchvision rounds it.
AffineMatrix inverse_shear(double x, double y) {
  const double a = std::cos(-y) / std::cos(y);
  const double b = -std::cos(-y) * std::tan(x) / std::cos(y);
  const double c = std::sin(-y) / std::cos(y);
  const double d = -std::sin(-y) * std::tan(x) / std::cos(y) + 1.0;
  return {d, -b, 0, -c, a, 0};
}

double to_radians(double degrees) { return degrees * (std::numbers::pi / 180.0); }
double to_degrees(double radians) { return radians * (180.0 / std::numbers::pi); }

// Pillow hands the angle on in degrees, torchvision back in radians.
double angle_of(double tangent) { return to_radians(to_degrees(std::atan(tangent))); }

double rounded(double value) { return std::round(value * 1e15) / 1e15; }

int32_t fixed(double value) { return static_cast<int32_t>(std::floor(value * 65536.0 + 0.5)); }

void copy_pixel(const uint8_t* from, uint8_t* to) { std::copy_n(from, 3, to); }

// Only scaled and shifted: a table of columns, in double precision.
void transform_straight(const AffineMatrix& m, const uint8_t* from, RgbPixels to) {
  const auto whole = [](double v) { return v < 0 ? -1 : static_cast<int64_t>(v); };
  std::vector<int64_t> columns(static_cast<size_t>(to.width));
  double x_in = m[2] + m[0] * 0.5;
  for (int64_t& column : columns) {
    column = whole(x_in);
    x_in += m[0];
  }
  double y_in = m[5] + m[4] * 0.5;
  for (int64_t y = 0; y < to.height; ++y, y_in += m[4]) {
    const int64_t row = whole(y_in);
    if (row < 0 || row >= to.height) continue;
    for (int64_t x = 0; x < to.width; ++x) {
      const int64_t column = columns[static_cast<size_t>(x)];
      if (column >= 0 && column < to.width)
        copy_pixel(from + (row * to.width + column) * 3, to.data + (y * to.width + x) * 3);
    }
  }
}

// In 16.16 fixed point.
void transform_slanted(const AffineMatrix& m, const uint8_t* from, RgbPixels to) {
  const int32_t dx = fixed(m[0]);
  const int32_t dy = fixed(m[3]);
  int32_t x_row = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
  int32_t y_row = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
  for (int64_t y = 0; y < to.height; ++y) {
    int32_t x_in = x_row;
    int32_t y_in = y_row;
    for (int64_t x = 0; x < to.width; ++x, x_in += dx, y_in += dy) {
      const int64_t column = x_in >> 16;
      const int64_t row = y_in >> 16;
      if (column >= 0 && column < to.width && row >= 0 && row < to.height)
        copy_pixel(from + (row * to.width + column) * 3, to.data + (y * to.width + x) * 3);
    }
    x_row += fixed(m[1]);
    y_row += fixed(m[4]);
  }
}

}  // namespace

AffineMatrix shear_x(double tangent) { return inverse_shear(angle_of(tangent), 0); }
AffineMatrix shear_y(double tangent) { return inverse_shear(0, angle_of(tangent)); }

AffineMatrix translation(int64_t x, int64_t y) {
  return {1, 0, static_cast<double>(-x), 0, 1, static_cast<double>(-y)};
}

AffineMatrix rotation(double degrees, int64_t height, int64_t width) {
  double turned = std::fmod(degrees, 360.0);
  if (turned < 0) turned += 360.0;
  const double angle = -to_radians(turned);
  const double cos = rounded(std::cos(angle));
  const double sin = rounded(std::sin(angle));
  const double x = static_cast<double>(width) / 2.0;
  const double y = static_cast<double>(height) / 2.0;
  return {cos, sin, cos * -x + sin * -y + 0.0 + x, -sin, cos, -sin * -x + cos * -y + 0.0 + y};
}

void transform_nearest(const AffineMatrix& matrix, const uint8_t* from, RgbPixels to) {
  std::fill_n(to.data, to.bytes(), uint8_t{0});
  if (matrix[1] == 0 && matrix[3] == 0) {
    transform_straight(matrix, from, to);
  } else {
    transform_slanted(matrix, from, to);
  }
}

}  // namespace catamaran
