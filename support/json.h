// Reading JSON that somebody else wrote: bounded in size and depth, duplicate keys refused, and
// every missing or mistyped key said with its path and the file.
//
//   const nlohmann::json root = read_json_file(path, ErrorKind::kData);
//   int64_t images = json_field<int64_t>(root, "images", path.string(), ErrorKind::kData);
//
// Errors: Error of the given kind. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/error.h"

namespace catamaran {

constexpr int64_t kJsonLargestBytes = int64_t{16} << 20;
constexpr int kJsonDeepest = 64;

// Depth over 64, duplicate keys, trailing text, NaN and invalid UTF-8 are errors.
nlohmann::json parse_json(std::string_view text, const std::string& where, ErrorKind kind);
// What read_json_file() refuses before it reads; the size is that of the open file, where it is
// known.
void require_json_file(const std::filesystem::path& path, ErrorKind kind);
void require_json_size(int64_t bytes, int64_t largest_bytes, const std::filesystem::path& path,
                       ErrorKind kind);
nlohmann::json read_json_file(const std::filesystem::path& path, ErrorKind kind,
                              int64_t largest_bytes = kJsonLargestBytes);

// As text that is always UTF-8: in a path of other bytes each of them becomes U+FFFD. For what
// tells of files; names that have to be found again are checked where they come in.
std::string json_text(const nlohmann::json& value, int indent = 2);

// What the parser found wrong, as an Error.
Error json_error(const nlohmann::json::exception& problem, const std::string& where,
                 ErrorKind kind);

[[noreturn]] void throw_json_field(const std::string& key, const std::string& problem,
                                   const std::string& where, ErrorKind kind);

// object[key] as T; says the key when it is missing or of another type.
template <typename T>
T json_field(const nlohmann::json& object, const std::string& key, const std::string& where,
             ErrorKind kind) {
  if (!object.is_object() || !object.contains(key))
    throw_json_field(key, "is missing", where, kind);
  const nlohmann::json& value = object.at(key);
  // A cast of a float that T cannot hold is undefined: 1e300, 1.5 as a whole number.
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (value.is_number_float()) throw_json_field(key, "is no whole number", where, kind);
  }
  try {
    return value.get<T>();
  } catch (const nlohmann::json::exception&) {
    throw_json_field(key, "has the wrong type", where, kind);
  }
}

// object[key] as T, or `otherwise`: for files that somebody may have edited, damaged or written
// with another version, where a value that is not as it should be is no reason to fail.
template <typename T>
T json_value_or(const nlohmann::json& object, const char* key, T otherwise) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end()) return otherwise;
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (!found->is_number_integer()) return otherwise;
  }
  try {
    return found->template get<T>();
  } catch (const nlohmann::json::exception&) {
    return otherwise;
  }
}

}  // namespace catamaran
