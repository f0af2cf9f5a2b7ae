#include "launch/config.h"

#include "launch/config_keys.h"
#include "support/toml_reader.h"
#include "support/toml_text.h"

namespace catamaran {
namespace {

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

// What is wrong is the reader's to tell.
ResolvedConfig read_config(TomlReader& reader, const std::filesystem::path& file,
                           const std::vector<std::string>& overrides) {
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
  visit_config_keys(config.options, [&](const char* key, const auto& value, const char* meaning) {
    config.entries.push_back({key, toml_text(value), reader.source(key), meaning});
  });
  config.toml = resolved_toml(config.entries);
  return config;
}

}  // namespace

CheckedConfig check_config(const std::filesystem::path& file,
                           const std::vector<std::string>& overrides) {
  TomlReader reader;
  CheckedConfig checked;
  checked.config = read_config(reader, file, overrides);
  checked.problems = reader.problems();
  return checked;
}

ResolvedConfig resolve_config(const std::filesystem::path& file,
                              const std::vector<std::string>& overrides) {
  TomlReader reader;
  ResolvedConfig config = read_config(reader, file, overrides);
  reader.throw_if_problems();
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
