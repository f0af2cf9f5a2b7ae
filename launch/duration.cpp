#include "launch/duration.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int64_t kDay = 86400;
constexpr int64_t kMost = 366 * kDay;
constexpr std::array<std::pair<char, int64_t>, 4> kUnits = {
    {{'d', kDay}, {'h', 3600}, {'m', 60}, {'s', 1}}};

// Takes the digits at the beginning of `rest` away. nullopt: none, or more than eight.
std::optional<int64_t> take_number(std::string_view& rest) {
  size_t digits = 0;
  while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
  int64_t number = 0;
  if (digits == 0 || digits > 8) return std::nullopt;
  std::from_chars(rest.data(), rest.data() + digits, number);
  rest.remove_prefix(digits);
  return number;
}

// 2h30m
std::optional<int64_t> with_units(std::string_view rest) {
  int64_t seconds = 0;
  size_t unit = 0;
  do {
    const std::optional<int64_t> number = take_number(rest);
    if (!number || rest.empty()) return std::nullopt;
    while (unit < kUnits.size() && kUnits[unit].first != rest.front()) ++unit;
    if (unit == kUnits.size()) return std::nullopt;
    seconds += *number * kUnits[unit++].second;
    rest.remove_prefix(1);
  } while (!rest.empty());
  return seconds;
}

// 1-12:00:00
std::optional<int64_t> with_colons(std::string_view rest) {
  int64_t seconds = 0;
  const bool has_days = rest.find('-') != std::string_view::npos;
  if (has_days) {
    const std::optional<int64_t> days = take_number(rest);
    if (!days || !rest.starts_with('-')) return std::nullopt;
    rest.remove_prefix(1);
    seconds = *days * kDay;
  }
  const std::optional<int64_t> hours = take_number(rest);
  if (!hours || (has_days && *hours > 23)) return std::nullopt;
  seconds += *hours * 3600;
  for (const int64_t unit : {60, 1}) {
    if (!rest.starts_with(':')) return std::nullopt;
    rest.remove_prefix(1);
    const size_t before = rest.size();
    const std::optional<int64_t> number = take_number(rest);
    if (!number || before - rest.size() != 2 || *number > 59) return std::nullopt;
    seconds += *number * unit;
  }
  return rest.empty() ? std::optional(seconds) : std::nullopt;
}

}  // namespace

int64_t parse_duration(const std::string& given, const std::string& option) {
  const bool colons = given.find(':') != std::string::npos;
  const std::optional<int64_t> seconds = colons ? with_colons(given) : with_units(given);
  const std::string forms = "write it like 2h30m, 90s, 1d12h, 02:30:00 or 1-12:00:00";
  if (!seconds) throw UsageError("'" + printable(given) + "' is no length of time", option, forms);
  if (*seconds < 1 || *seconds > kMost) {
    throw UsageError("'" + printable(given) + "' is not between a second and 366 days", option,
                     forms);
  }
  return *seconds;
}

}  // namespace catamaran
