// Points of a chart's line, few enough for a page and yet with every spike, and numbers as short as
// a screen can show.
//
//   const std::vector<size_t> kept = thinned(y, 800);     // indices, rising
//   chart["y"].push_back(short_number(y[kept[k]]));       // 0.69315; null where it is not finite
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

namespace catamaran {

// Of runs of neighbours the lowest and the highest, in their order, and the first and the last of
// all; a value that is not finite is never chosen before one that is. All of them where there are
// at most `most`, which is 4 or more.
std::vector<size_t> thinned(std::span<const double> values, size_t most);

// Rounded to so many significant digits.
nlohmann::json short_number(double value, int digits = 5);
nlohmann::json short_numbers(std::span<const double> values, int digits = 5);

}  // namespace catamaran
