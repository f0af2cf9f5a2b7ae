#include "monitoring/chart_points.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "support/assert.h"

namespace catamaran {

std::vector<size_t> thinned(std::span<const double> values, size_t most) {
  CATAMARAN_ASSERT(most >= 4, "the first, the last and a pair in between");
  std::set<size_t> kept;
  if (values.size() <= most) {
    for (size_t i = 0; i < values.size(); ++i) kept.insert(kept.end(), i);
    return {kept.begin(), kept.end()};
  }
  kept = {0, values.size() - 1};
  const size_t bins = (most - 2) / 2;
  for (size_t bin = 0; bin < bins; ++bin) {
    const size_t begin = bin * values.size() / bins, end = (bin + 1) * values.size() / bins;
    size_t low = end, high = end;  // none yet
    for (size_t i = begin; i < end; ++i) {
      if (!std::isfinite(values[i])) continue;
      if (low == end || values[i] < values[low]) low = i;
      if (high == end || values[i] > values[high]) high = i;
    }
    if (low == end) low = high = begin;  // a gap stays one
    kept.insert({low, high});
  }
  return {kept.begin(), kept.end()};
}

nlohmann::json short_number(double value, int digits) {
  if (!std::isfinite(value)) return {};
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::general, digits)
                       .ptr;
  double rounded = 0;
  std::from_chars(text.data(), end, rounded);
  return rounded;
}

nlohmann::json short_numbers(std::span<const double> values, int digits) {
  nlohmann::json list = nlohmann::json::array();
  for (const double value : values) list.push_back(short_number(value, digits));
  return list;
}

}  // namespace catamaran
