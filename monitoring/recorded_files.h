// Files of a run directory, read with a bound and without trust.
//
//   const std::string toml = read_whole(run / "config.toml", 4 << 20);
//   for_each_line_of_end(run / "log.jsonl", 4 << 20, [&](const nlohmann::json& line) { ... });
//
// Errors: Error that names the file, where it cannot be read or is larger than allowed.
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace catamaran {

std::string read_whole(const std::filesystem::path& path, int64_t largest_bytes);

// The JSON objects, one a line, of the last so many bytes of a file; lines that are none, a torn
// one among them, are left out. Without the file: none.
void for_each_line_of_end(const std::filesystem::path& path, int64_t most_bytes,
                          const std::function<void(const nlohmann::json& line)>& visit);

// value[key] where it has that type, else what is given: of files that any version wrote.
double number_in(const nlohmann::json& value, const char* key, double otherwise);
int64_t whole_in(const nlohmann::json& value, const char* key, int64_t otherwise);
std::string text_in(const nlohmann::json& value, const char* key,
                    const std::string& otherwise = "");
bool flag_in(const nlohmann::json& value, const char* key, bool otherwise);

}  // namespace catamaran
