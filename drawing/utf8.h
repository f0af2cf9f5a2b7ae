// UTF-8 to code points, for drawing: what is not UTF-8 becomes U+FFFD, byte by byte.
//
//   for (size_t at = 0; at < text.size();) char32_t c = next_code_point(text, at);
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

namespace catamaran {

constexpr char32_t kReplacement = 0xFFFD;

// The code point at `at`, which moves behind it. at < text.size().
inline char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at++);
  if (first < 0x80) return first;
  const size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first > 0xF4 || at + more > text.size()) return kReplacement;
  char32_t code = first & (0x3Fu >> more);
  for (size_t i = 0; i < more; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return kReplacement;
    code = code << 6 | (byte(at + i) & 0x3Fu);
  }
  constexpr char32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[more] || code > 0x10FFFF || surrogate) return kReplacement;
  at += more;
  return code;
}

}  // namespace catamaran
