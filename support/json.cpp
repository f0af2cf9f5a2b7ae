#include "support/json.h"

#include <set>
#include <vector>

#include "support/file_descriptor.h"

namespace catamaran {

nlohmann::json parse_json(std::string_view text, const std::string& where, ErrorKind kind) {
  std::vector<std::set<std::string>> open_objects;
  std::string refused;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kJsonDeepest)
      refused = "it is nested more than " + std::to_string(kJsonDeepest) + " levels deep";
    if (event == Event::object_start) open_objects.emplace_back();
    if (event == Event::object_end && !open_objects.empty()) open_objects.pop_back();
    if (event == Event::key && !open_objects.empty() &&
        !open_objects.back().insert(parsed.get<std::string>()).second) {
      refused = "the key '" + parsed.get<std::string>() + "' occurs twice";
    }
    if (!refused.empty()) throw Error(kind, "not acceptable as JSON: " + refused, where, "");
    return true;
  };
  try {
    return nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::exception& problem) {
    throw json_error(problem, where, kind);
  }
}

Error json_error(const nlohmann::json::exception& problem, const std::string& where,
                 ErrorKind kind) {
  std::string what = problem.what();
  if (const size_t at = what.find("] "); at != std::string::npos) what = what.substr(at + 2);
  return {kind, "not valid JSON: " + what, where, "is the file complete?"};
}

void require_json_file(const std::filesystem::path& path, ErrorKind kind) {
  std::error_code code;
  if (std::filesystem::exists(path, code) && !std::filesystem::is_regular_file(path, code))
    throw Error(kind, "it is no regular file", path.string(), "name a file; a pipe is none");
}

void require_json_size(int64_t bytes, int64_t largest_bytes, const std::filesystem::path& path,
                       ErrorKind kind) {
  if (bytes <= largest_bytes) return;
  throw Error(kind,
              "the file has " + std::to_string(bytes) + " bytes, more than the limit of " +
                  std::to_string(largest_bytes),
              path.string(), "is it the right file?");
}

nlohmann::json read_json_file(const std::filesystem::path& path, ErrorKind kind,
                              int64_t largest_bytes) {
  std::string text;
  try {
    require_json_file(path, kind);
    const FileDescriptor file = open_for_reading(path);
    const int64_t bytes = file_bytes(file, path);
    require_json_size(bytes, largest_bytes, path, kind);
    text.resize(static_cast<size_t>(bytes));
    read_exactly_at(file, 0, text.data(), bytes, path);
  } catch (const DataError& error) {
    if (kind == ErrorKind::kData) throw;
    throw Error(kind, error.what(), "", "");
  }
  return parse_json(text, path.string(), kind);
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void throw_json_field(const std::string& key, const std::string& problem, const std::string& where,
                      ErrorKind kind) {
  throw Error(kind, "the key '" + key + "' " + problem, where,
              "the file was written by something else or is damaged");
}

}  // namespace catamaran
