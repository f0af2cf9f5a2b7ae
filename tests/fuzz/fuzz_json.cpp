// Fuzz target: any bytes as JSON. The first byte chooses the reader: 's' the one of files too large
// to hold, anything else the one that holds all. Both refuse by an Error of the kind asked for;
// what is held is no deeper than promised, and written out it reads as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scratch_file.h"
#include "support/error.h"
#include "support/json.h"
#include "support/json_stream.h"

namespace catamaran {
namespace {

constexpr ErrorKind kKind = ErrorKind::kWeights;

int depth_of(const nlohmann::json& value) {
  int depth = 0;
  if (value.is_structured()) {
    for (const nlohmann::json& inner : value) depth = std::max(depth, 1 + depth_of(inner));
  }
  return depth;
}

void read_whole(std::string_view text) {
  const nlohmann::json value = parse_json(text, "input", kKind);
  if (depth_of(value) > kJsonDeepest + 1) std::abort();
  if (parse_json(json_text(value), "again", kKind) != value) std::abort();
  for (const char* key : {"a", "images"}) {
    try {
      json_field<int64_t>(value, key, "input", kKind);
    } catch (const Error& error) {
      if (error.kind() != kKind) std::abort();
    }
  }
}

void read_items(const uint8_t* data, size_t size) {
  const ScratchFile file(data, size);
  const JsonItems wanted{
      .lists = {"a", "images"}, .keys = {"id", "name"}, .largest_bytes = int64_t{1} << 20};
  read_json_items(file.path(), kKind, wanted,
                  [&](const std::string& list, const nlohmann::json& item) {
                    if (!wanted.lists.contains(list)) std::abort();
                    if (!item.is_object()) return;  // a number or the like: the reader refuses it
                    for (const auto& [key, value] : item.items()) {
                      if (!wanted.keys.contains(key) || value.is_structured()) std::abort();
                    }
                  });
}

void read(const uint8_t* data, size_t size) {
  try {
    if (data[0] == 's') {
      read_items(data + 1, size - 1);
    } else {
      read_whole({reinterpret_cast<const char*>(data), size});
    }
  } catch (const Error& error) {
    if (error.kind() != kKind) throw;
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) catamaran::read(data, size);
  return 0;
}
