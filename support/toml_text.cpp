#include "support/toml_text.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

template <typename List>
std::string list_text(const List& values) {
  std::string text = "[";
  for (const double value : values) text += (text.size() > 1 ? ", " : "") + toml_text(value);
  return text + "]";
}

}  // namespace

std::string toml_text(bool value) { return value ? "true" : "false"; }
std::string toml_text(int64_t value) { return std::to_string(value); }
std::string toml_text(uint64_t value) { return std::to_string(value); }

std::string toml_text(double value) {
  char text[40];
  const auto [end, code] = std::to_chars(text, text + sizeof text, value);
  std::string shortest(text, end);
  if (shortest.find_first_of(".en") == std::string::npos) shortest += ".0";
  return shortest;
}

std::string toml_text(const std::string& value) {
  return nlohmann::json(value).dump();
}  // TOML's basic strings escape alike

std::string toml_text(const std::vector<double>& value) { return list_text(value); }
std::string toml_text(const std::array<double, 3>& value) { return list_text(value); }

std::string plain_of_toml(const std::string& value) {
  if (value.size() < 2 || value.front() != '"') return value;
  const nlohmann::json parsed =
      nlohmann::json::parse(value, /*cb=*/nullptr, /*allow_exceptions=*/false);
  return parsed.is_string() ? parsed.get<std::string>() : value;
}

}  // namespace catamaran
