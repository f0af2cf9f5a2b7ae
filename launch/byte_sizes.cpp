#include "launch/byte_sizes.h"

#include <array>
#include <charconv>
#include <sstream>
#include <string_view>
#include <utility>

#include "support/error.h"

namespace catamaran {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 4> kUnits = {
    {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}};
constexpr int64_t kMost = int64_t{1} << 40;

// 0 where it is none.
int64_t parse(std::string_view part) {
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (!part.ends_with(unit)) continue;
    shift = bits;
    part.remove_suffix(unit.size());
    break;
  }
  while (part.ends_with(' ')) part.remove_suffix(1);
  int64_t number = 0;
  const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), number);
  if (code != std::errc() || end != part.data() + part.size()) return 0;
  return number > 0 && number <= kMost >> shift ? number << shift : 0;
}

}  // namespace

std::vector<int64_t> parse_byte_sizes(const std::string& list, const std::string& option) {
  std::vector<int64_t> sizes;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const int64_t bytes = parse(part);
    if (bytes == 0) {
      throw UsageError("'" + part + "' is no size of 1 byte to 1024 GiB", option,
                       "write sizes like 4KiB,1MiB,1GiB");
    }
    sizes.push_back(bytes);
  }
  if (sizes.empty()) throw UsageError("there is no size", option, "write sizes like 4KiB,1MiB");
  return sizes;
}

std::string byte_size_text(int64_t bytes) {
  for (const auto& [unit, bits] : kUnits) {
    if (bytes >= int64_t{1} << bits && bytes % (int64_t{1} << bits) == 0)
      return std::to_string(bytes >> bits) + " " + std::string(unit);
  }
  return std::to_string(bytes) + " B";
}

}  // namespace catamaran
