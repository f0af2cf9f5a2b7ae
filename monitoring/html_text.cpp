#include "monitoring/html_text.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cmath>

#include "support/assert.h"

namespace catamaran {
namespace {

std::string chars_of(double value, std::chars_format format, int precision) {
  std::array<char, 400> text{};  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, format, precision).ptr;
  return {text.data(), end};
}

// "1e-06" to "1e-6".
std::string without_padding(std::string text) {
  const size_t exponent = text.find('e');
  if (exponent == std::string::npos) return text;
  if (text[exponent + 1] == '+') text.erase(exponent + 1, 1);
  const size_t digits = text[exponent + 1] == '-' ? exponent + 2 : exponent + 1;
  while (digits + 1 < text.size() && text[digits] == '0') text.erase(digits, 1);
  return text;
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::string html_escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "–";
  return chars_of(value, std::chars_format::fixed, decimals);
}

std::string percent(double ratio) { return fixed(100 * ratio, 2); }

std::string compact(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  constexpr int kDigits = 4;
  if (size >= 1e6 && size < 1e9)
    return chars_of(value / 1e6, std::chars_format::general, kDigits) + "M";
  if (size >= 1e4 && size < 1e6)
    return chars_of(value / 1e3, std::chars_format::general, kDigits) + "k";
  return without_padding(chars_of(value, std::chars_format::general, kDigits));
}

std::string grouped(int64_t value) {
  std::string text = std::to_string(value);
  const auto digits_begin = static_cast<int64_t>(value < 0 ? 1 : 0);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > digits_begin; at -= 3)
    text.insert(static_cast<size_t>(at), "\u202f");  // a narrow space that does not break
  return text;
}

std::string shorten(std::string_view text, int64_t characters) {
  CATAMARAN_ASSERT(characters > 0, "something is left");
  int64_t count = 0;
  size_t last_start = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!starts_character(text[at])) continue;
    if (count == characters) return std::string(text.substr(0, last_start)) + "…";
    last_start = at;
    ++count;
  }
  return std::string(text);
}

std::string base64(std::string_view bytes) {
  std::string encoded(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int length = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
  encoded.resize(static_cast<size_t>(length));
  return encoded;
}

std::string jpeg_data_url(std::string_view jpeg) {
  return "data:image/jpeg;base64," + base64(jpeg);
}

std::string script_json(const nlohmann::json& value) {
  const std::string ascii =
      value.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  std::string safe;
  safe.reserve(ascii.size());
  for (const char c : ascii) {
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace catamaran
