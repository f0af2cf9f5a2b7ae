#include "support/text.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace catamaran {

std::string text(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string result(static_cast<size_t>(length > 0 ? length : 0), '\0');
  std::vsnprintf(result.data(), result.size() + 1, format, again);
  va_end(again);
  return result;
}

std::string printable(std::string_view bytes) {
  std::string result;
  for (size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    size_t length = 0;  // of a character that starts here; 0: none does
    if (lead < 0x80) {
      length = (lead >= 0x20 && lead != 0x7f) || lead == '\n' || lead == '\t' ? 1 : 0;
    } else if (lead >= 0xc2 && lead <= 0xf4) {
      length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      const std::string_view rest = bytes.substr(i + 1, length - 1);
      const bool whole = rest.size() == length - 1 && std::ranges::all_of(rest, [](char c) {
                           return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
                         });
      if (!whole) length = 0;
    }
    result += length > 0 ? std::string(bytes.substr(i, length)) : "?";
    i += std::max<size_t>(length, 1);
  }
  return result;
}

bool is_numbered_name(std::string_view name, std::string_view prefix, size_t digits,
                      std::string_view suffix) {
  return name.size() == prefix.size() + digits + suffix.size() && name.starts_with(prefix) &&
         name.ends_with(suffix) &&
         std::ranges::all_of(name.substr(prefix.size(), digits),
                             [](char c) { return c >= '0' && c <= '9'; });
}

std::string first_difference(const std::vector<std::string>& one,
                             const std::vector<std::string>& other) {
  const auto [in_one, in_other] = std::ranges::mismatch(one, other);
  if (in_one == one.end() || in_other == other.end())
    return std::to_string(one.size()) + " and " + std::to_string(other.size()) + " classes";
  return "class " + std::to_string(in_one - one.begin()) + " is '" + *in_one + "' in one and '" +
         *in_other + "' in the other";
}

}  // namespace catamaran
