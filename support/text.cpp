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

bool is_numbered_name(std::string_view name, std::string_view prefix, size_t digits,
                      std::string_view suffix) {
  return name.size() == prefix.size() + digits + suffix.size() && name.starts_with(prefix) &&
         name.ends_with(suffix) &&
         std::ranges::all_of(name.substr(prefix.size(), digits),
                             [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace catamaran
