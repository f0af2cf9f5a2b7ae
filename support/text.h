// Formatted text, checked by the compiler like printf.
//
//   log::info(text("%ld images in %.1f s", images, seconds));
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

// True where `bytes` is UTF-8 as JSON wants it: no surrogates, nothing longer than need be.
bool is_utf8(std::string_view bytes);

// For a terminal: bytes that are no UTF-8 and control characters but newline and tab become '?', so
// that a name out of a hostile file is harmless in a message.
std::string printable(std::string_view bytes);

// True where `name` is exactly `prefix`, then `digits` decimal digits, then `suffix`.
bool is_numbered_name(std::string_view name, std::string_view prefix, size_t digits,
                      std::string_view suffix = "");

// The first of `count` things, each on a line of its own, and how many more there are.
std::string first_of(const std::vector<std::string>& first, int64_t count);

// "[2, 3, 64, 64]": a tensor's shape.
std::string shape_text(std::span<const int64_t> shape);

// Where two lists of class names part: "class 2 is 'dog' in one and 'cat' in the other", or "3 and
// 4 classes". Only for lists that differ.
std::string first_difference(const std::vector<std::string>& one,
                             const std::vector<std::string>& other);

}  // namespace catamaran
