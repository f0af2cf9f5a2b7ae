// The two 16-bit floats, bf16 and IEEE fp16, as their bits, to fp32 and back: loops without
// branches that the compiler turns into vector code on any processor.
//
//   Float16::to_float(bits)              // exact
//   Float16::from_float(1.0F / 3)  // to the nearest, ties to even; too large becomes infinity
//
// NaN stays NaN (its payload may change). Thread-safe. Source: IEEE 754; the fp16 conversions scale
// by powers of two instead of shifting denormals (github.com/Maratyszcza/FP16).
#pragma once

#include <bit>
#include <cstdint>

namespace catamaran {

struct BFloat16 {
  using bits = uint16_t;
  static float to_float(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
  static uint16_t from_float(float value) {
    const auto word = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (word + 0x7FFFU + ((word >> 16) & 1U)) >> 16;
    const bool nan = (word & 0x7FFFFFFFU) > 0x7F800000U;
    return static_cast<uint16_t>(nan ? (word >> 16) | 0x40U : rounded);
  }
};

struct Float16 {
  using bits = uint16_t;
  static float to_float(uint16_t bits) {
    const uint32_t magnitude = (uint32_t{bits} & 0x7FFFU) << 13;
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p112F;
    const uint32_t finite = std::bit_cast<uint32_t>(scaled);
    const uint32_t special = magnitude | 0x7F800000U;  // infinity and NaN
    const uint32_t sign = (uint32_t{bits} & 0x8000U) << 16;
    return std::bit_cast<float>(sign | (magnitude >= 0x0F800000U ? special : finite));
  }
  static uint16_t from_float(float value) {
    const auto word = std::bit_cast<uint32_t>(value);
    const auto absolute = std::bit_cast<float>(word & 0x7FFFFFFFU);
    const float base = (absolute * 0x1p112F) * 0x1p-110F;  // too large for fp16 becomes infinity
    const uint32_t twice = word + word;
    const uint32_t exponent = twice & 0xFF000000U;
    const uint32_t bias = exponent < 0x71000000U ? 0x71000000U : exponent;
    // Adding a power of two makes the addition itself round to fp16's last place.
    const float rounded = std::bit_cast<float>((bias >> 1) + 0x07800000U) + base;
    const auto sum = std::bit_cast<uint32_t>(rounded);
    const uint32_t number = ((sum >> 13) & 0x7C00U) + (sum & 0x0FFFU);
    const uint32_t sign = (word >> 16) & 0x8000U;
    return static_cast<uint16_t>(sign | (twice > 0xFF000000U ? 0x7E00U : number));
  }
};

}  // namespace catamaran
