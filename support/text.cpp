#include "support/text.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace catamaran {
namespace {

// Bytes of the UTF-8 character that `bytes` begins with; 0: it begins with none. (RFC 3629)
size_t character_bytes(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Longer than need be, a surrogate, beyond the last code point.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace

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

bool is_utf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = character_bytes(bytes.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string result;
  for (size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const bool control = (lead < 0x20 && lead != '\n' && lead != '\t') || lead == 0x7f;
    const size_t length = control ? 0 : character_bytes(bytes.substr(i));
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

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (const int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

std::string first_difference(const std::vector<std::string>& one,
                             const std::vector<std::string>& other) {
  const auto [in_one, in_other] = std::ranges::mismatch(one, other);
  if (in_one == one.end() || in_other == other.end())
    return std::to_string(one.size()) + " and " + std::to_string(other.size()) + " classes";
  return "class " + std::to_string(in_one - one.begin()) + " is '" + *in_one + "' in one and '" +
         *in_other + "' in the other";
}

std::string first_of(const std::vector<std::string>& first, int64_t count) {
  std::string list;
  for (const std::string& each : first) list += "\n  " + each;
  const int64_t rest = count - std::ssize(first);
  return rest > 0 ? list + text("\n  ... and %ld more", rest) : list;
}

}  // namespace catamaran
