// Pieces of HTML text: escaping, numbers, pictures and data. Numbers do not depend on the locale.
//
//   html_escape("a < b")      "a &lt; b", also safe inside a quoted attribute
//   percent(0.87423)          "87.42"
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace catamaran {

std::string html_escape(std::string_view text);

// `decimals` digits after the point; a dash for what is not finite.
std::string fixed(double value, int decimals);
// A ratio in percent, two decimals, as papers print mAP.
std::string percent(double ratio);
// Short and readable at any size: "0.0003", "2e-6", "85", "1.2k", "3M".
std::string compact(double value);
// 12345678 as "12 345 678".
std::string grouped(int64_t value);

// At most `characters` of UTF-8, the last one an ellipsis if something was cut. Not escaped.
std::string shorten(std::string_view text, int64_t characters);

std::string base64(std::string_view bytes);
// "data:image/jpeg;base64,..." for an <img> of a page that needs no other file.
std::string jpeg_data_url(std::string_view jpeg);

// JSON for a <script type="application/json">: ASCII without <, > and &, so that no text in it can
// end the element, begin a comment, or be read as markup; bytes that are no UTF-8 become U+FFFD.
std::string script_json(const nlohmann::json& value);

}  // namespace catamaran
