#include "launch/sweep_draws.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "support/assert.h"
#include "support/hash.h"
#include "support/philox.h"
#include "support/text.h"
#include "support/toml_text.h"

namespace catamaran {
namespace {

constexpr int64_t kMostInts = int64_t{1} << 31;

template <typename Number>
std::optional<Number> parsed(const std::string& value) {
  Number number{};
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return number;
}

std::string fill_range(const std::vector<std::string>& values, RandomAxis& axis) {
  if (values.size() != 2) return "must be two numbers, the least and the most";
  const std::optional<double> low = parsed<double>(values[0]);
  const std::optional<double> high = parsed<double>(values[1]);
  if (!low || !high || !std::isfinite(*low) || !std::isfinite(*high) ||
      !std::isfinite(*high - *low))
    return "must be two finite numbers";
  if (*low >= *high) return "the first number must be less than the second";
  if (axis.kind == DrawKind::kLogUniform && *low <= 0) return "the least must be above 0";
  axis.low = *low;
  axis.high = *high;
  return "";
}

std::string fill_ints(const std::vector<std::string>& values, RandomAxis& axis) {
  if (values.size() != 2) return "must be two whole numbers, the first and the last";
  const std::optional<int64_t> first = parsed<int64_t>(values[0]);
  const std::optional<int64_t> last = parsed<int64_t>(values[1]);
  if (!first || !last) return "must be two whole numbers";
  if (*first >= *last) return "the first number must be less than the last";
  // Of unsigned numbers, as the difference of two far ones has no place in int64_t.
  if (static_cast<uint64_t>(*last) - static_cast<uint64_t>(*first) >= uint64_t{kMostInts})
    return "has more than 2^31 numbers";
  axis.first = *first;
  axis.last = *last;
  return "";
}

// Rounding must not lead out of the range.
std::string rounded(double value, const RandomAxis& axis) {
  std::string six = text("%.6g", value);
  const std::optional<double> back = parsed<double>(six);
  if (!back || *back < axis.low) return toml_text(axis.low);
  if (*back > axis.high) return toml_text(axis.high);
  if (six.find_first_of(".en") == std::string::npos) six += ".0";
  return six;
}

}  // namespace

std::vector<std::string> draw_kinds() { return {"uniform", "log_uniform", "int", "choice"}; }

std::string fill_axis(const std::string& kind, const std::vector<std::string>& values,
                      RandomAxis& axis) {
  const std::vector<std::string> kinds = draw_kinds();
  const auto known = std::ranges::find(kinds, kind);
  CATAMARAN_ASSERT(known != kinds.end(), "the kind was checked");
  axis.kind = static_cast<DrawKind>(known - kinds.begin());
  if (axis.kind == DrawKind::kInt) return fill_ints(values, axis);
  if (axis.kind != DrawKind::kChoice) return fill_range(values, axis);
  axis.choices = values;
  return values.empty() ? "has nothing to choose from" : "";
}

std::string draw(const RandomAxis& axis, uint64_t seed, int64_t number) {
  // A stream for each key: another axis beside it changes nothing.
  PhiloxStream random(seed ^ xxh3(axis.key), Purpose::kSweep, 0, static_cast<uint64_t>(number));
  switch (axis.kind) {
    case DrawKind::kChoice:
      return axis.choices[random.below(static_cast<uint32_t>(axis.choices.size()))];
    case DrawKind::kInt:
      return toml_text(axis.first +
                       int64_t{random.below(static_cast<uint32_t>(axis.last - axis.first + 1))});
    case DrawKind::kUniform:
      return rounded(axis.low + random.uniform() * (axis.high - axis.low), axis);
    case DrawKind::kLogUniform:
      break;
  }
  const double from = std::log(axis.low);
  return rounded(std::exp(from + random.uniform() * (std::log(axis.high) - from)), axis);
}

}  // namespace catamaran
