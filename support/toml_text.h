// Values as TOML writes them, the shortest text that reads back to the same value.
//
//   toml_text(0.1)               // "0.1"; a float has a point or an exponent, so that it stays one
//   toml_text(std::string("a"))  // "\"a\""
//   toml_text(std::vector{1.0})  // "[1.0]"
//
// Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

std::string toml_text(bool value);
std::string toml_text(int64_t value);
std::string toml_text(uint64_t value);
std::string toml_text(double value);
std::string toml_text(const std::string& value);
std::string toml_text(const std::vector<double>& value);
std::string toml_text(const std::array<double, 3>& value);

// For people: text without its quotes, anything else as it is. sgd of "\"sgd\"".
std::string plain_of_toml(const std::string& value);

}  // namespace catamaran
