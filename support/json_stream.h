// A JSON file that is too large to hold: the elements of the lists of its root object, one at a
// time.
//
//   read_json_items(path, ErrorKind::kData, {.lists = {"images"}, .keys = {"id", "file_name"}},
//                   [&](const std::string& list, const nlohmann::json& item) { ... });
//
// Of an element only the keys that are named are kept; whatever else it holds is read past, and no
// more than one element is in memory. Bounded in depth as support/json.h is, duplicate keys
// refused (of the
// keys that are kept). Lists come in the order of the file; seen tells which were there. Errors:
// Error of the kind given, and what the reader throws. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/error.h"

namespace catamaran {

struct JsonItems {
  std::set<std::string> lists;  // keys of the root
  std::set<std::string> keys;   // of an element
  int64_t largest_bytes = 0;    // of the file
};
using JsonItemReader = std::function<void(const std::string& list, const nlohmann::json& item)>;

// The lists that the file has.
std::set<std::string> read_json_items(const std::filesystem::path& path, ErrorKind kind,
                                      const JsonItems& wanted, const JsonItemReader& read);

}  // namespace catamaran
