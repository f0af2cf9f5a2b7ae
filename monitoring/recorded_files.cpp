#include "monitoring/recorded_files.h"

#include <algorithm>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

using nlohmann::json;

const json* found_in(const json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto found = value.find(key);
  return found == value.end() ? nullptr : &*found;
}

}  // namespace

std::string read_whole(const std::filesystem::path& path, int64_t largest_bytes) {
  const FileDescriptor file = open_for_reading(path);
  const int64_t bytes = file_bytes(file, path);
  if (bytes > largest_bytes) {
    throw UsageError("the file has " + std::to_string(bytes) + " bytes, more than the limit of " +
                         std::to_string(largest_bytes),
                     path.string(), "is it the right file?");
  }
  std::string content(static_cast<size_t>(bytes), '\0');
  read_exactly_at(file, 0, content.data(), bytes, path);
  return content;
}

void for_each_line_of_end(const std::filesystem::path& path, int64_t most_bytes,
                          const std::function<void(const json& line)>& visit) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return;
  const FileDescriptor file = open_for_reading(path);
  const int64_t bytes = file_bytes(file, path);
  const int64_t from = std::max<int64_t>(0, bytes - most_bytes);
  std::string content(static_cast<size_t>(bytes - from), '\0');
  read_exactly_at(file, from, content.data(), bytes - from, path);
  size_t begin = from > 0 ? std::min(content.find('\n'), content.size()) : 0;  // a part of a line
  while (begin < content.size()) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const json line = json::parse(content.begin() + static_cast<std::ptrdiff_t>(begin),
                                  content.begin() + static_cast<std::ptrdiff_t>(end), nullptr,
                                  /*allow_exceptions=*/false);
    if (line.is_object()) visit(line);
    begin = end + 1;
  }
}

double number_in(const json& value, const char* key, double otherwise) {
  const json* found = found_in(value, key);
  return found != nullptr && found->is_number() ? found->get<double>() : otherwise;
}

int64_t whole_in(const json& value, const char* key, int64_t otherwise) {
  const json* found = found_in(value, key);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

std::string text_in(const json& value, const char* key, const std::string& otherwise) {
  const json* found = found_in(value, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : otherwise;
}

bool flag_in(const json& value, const char* key, bool otherwise) {
  const json* found = found_in(value, key);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : otherwise;
}

}  // namespace catamaran
