#include "comm/half_floats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace catamaran {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The value that 16 bits have by IEEE 754, computed another way: of `mantissa_bits` bits.
double value_of(uint16_t bits, int mantissa_bits) {
  const int exponent_bits = 15 - mantissa_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return mantissa == 0 ? sign * HUGE_VAL : std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

template <typename Half>
void check_every_value(int mantissa_bits) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const double expected = value_of(bits, mantissa_bits);
    const float value = Half::to_float(bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << i;
      ASSERT_TRUE(std::isnan(Half::to_float(Half::from_float(value)))) << i;
    } else {
      ASSERT_EQ(value, expected) << i;
      ASSERT_EQ(Half::from_float(value), bits) << i;
    }
  }
}

// Between two neighbours: below the middle goes down, above it up, the middle itself to even.
template <typename Half>
void check_rounding(uint16_t largest) {
  for (uint16_t bits = 0; bits < largest; ++bits) {
    const float low = Half::to_float(bits);
    const float high = Half::to_float(static_cast<uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;
    const auto even = static_cast<uint16_t>(bits + (bits & 1));
    ASSERT_EQ(Half::from_float(middle), even) << bits;
    ASSERT_EQ(Half::from_float(std::nextafter(middle, 0.0F)), bits);
    ASSERT_EQ(Half::from_float(std::nextafter(middle, kInfinity)), bits + 1);
    ASSERT_EQ(Half::from_float(-middle), even | 0x8000);
  }
}

TEST(HalfFloats, EveryBFloat16IsItsValueAndComesBack) { check_every_value<BFloat16>(7); }
TEST(HalfFloats, EveryFloat16IsItsValueAndComesBack) { check_every_value<Float16>(10); }
TEST(HalfFloats, BFloat16RoundsToTheNearestAndTiesToEven) { check_rounding<BFloat16>(0x7F7F); }
TEST(HalfFloats, Float16RoundsToTheNearestAndTiesToEven) { check_rounding<Float16>(0x7BFF); }

TEST(HalfFloats, WhatIsTooLargeBecomesInfinity) {
  EXPECT_EQ(Float16::to_float(Float16::from_float(65519)), 65504);
  EXPECT_EQ(Float16::to_float(Float16::from_float(65520)), kInfinity);
  EXPECT_EQ(Float16::to_float(Float16::from_float(-3e38F)), -kInfinity);
  EXPECT_EQ(BFloat16::to_float(BFloat16::from_float(3.4e38F)), kInfinity);
  EXPECT_EQ(Float16::from_float(1e-30F), 0);
  EXPECT_EQ(Float16::from_float(-1e-30F), 0x8000);
}

}  // namespace
}  // namespace catamaran
