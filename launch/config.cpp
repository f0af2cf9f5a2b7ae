#include "launch/config.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "launch/config_keys.h"
#include "support/toml_reader.h"

namespace catamaran {
namespace {

std::string toml_text(bool value) { return value ? "true" : "false"; }
std::string toml_text(int64_t value) { return std::to_string(value); }
std::string toml_text(uint64_t value) { return std::to_string(value); }
// Shortest text that reads back to the same number, with a point or an exponent so that it stays a
// float.
std::string toml_text(double value) {
  char text[40];
  const auto [end, code] = std::to_chars(text, text + sizeof text, value);
  std::string shortest(text, end);
  if (shortest.find_first_of(".en") == std::string::npos) shortest += ".0";
  return shortest;
}
std::string toml_text(const std::string& value) {
  return nlohmann::json(value).dump();
}  // TOML's basic strings escape alike
template <typename List>
std::string toml_list(const List& values) {
  std::string text = "[";
  for (const double value : values) text += (text.size() > 1 ? ", " : "") + toml_text(value);
  return text + "]";
}
std::string toml_text(const std::vector<double>& value) { return toml_list(value); }
std::string toml_text(const std::array<double, 3>& value) { return toml_list(value); }

std::string table_of(const std::string& key) { return key.substr(0, key.rfind('.')); }
std::string name_of(const std::string& key) { return key.substr(key.rfind('.') + 1); }

std::string resolved_toml(const std::vector<ConfigEntry>& entries) {
  std::string text;
  std::string table;
  for (const ConfigEntry& entry : entries) {
    if (table_of(entry.key) != table) {
      table = table_of(entry.key);
      text += (text.empty() ? "[" : "\n[") + table + "]\n";
    }
    text += name_of(entry.key) + " = " + entry.value + "  # " + entry.source + "\n";
  }
  return text;
}

}  // namespace

ResolvedConfig resolve_config(const std::filesystem::path& file,
                              const std::vector<std::string>& overrides) {
  TomlReader reader;
  if (!file.empty()) reader.load(file);
  for (const std::string& assignment : overrides) reader.set(assignment);
  ResolvedConfig config;
  config.overrides = overrides;
  visit_config_keys(config.options,
                    [&](const char* key, auto& value, const char*) { reader.read(key, value); });
  for (const std::string& problem : problems(config.options)) {
    const std::string key = problem.substr(0, problem.find(':'));
    reader.add_problem(reader.source(key) + ": " + problem);
  }
  reader.throw_if_problems();
  visit_config_keys(config.options, [&](const char* key, const auto& value, const char* meaning) {
    config.entries.push_back({key, toml_text(value), reader.source(key), meaning});
  });
  config.toml = resolved_toml(config.entries);
  return config;
}

std::vector<ConfigEntry> default_entries() {
  std::vector<ConfigEntry> entries;
  RunOptions options;
  visit_config_keys(options, [&](const char* key, const auto& value, const char* meaning) {
    entries.push_back({key, toml_text(value), "default", meaning});
  });
  return entries;
}

}  // namespace catamaran
