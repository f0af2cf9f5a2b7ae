// Configuration: a TOML file, --set overrides and defaults become RunOptions, every key with its
// source.
//
//   const ResolvedConfig config = resolve_config("configs/demo/cat.toml", {"batch.global=32"});
//   config.options.batch.global;   config.toml;      // the whole, with a comment of origin per key
//
// One table of keys (config_keys) serves reading, printing and docs/configuration.md. Errors:
// UsageError that lists every unknown key, wrong type and impossible value at once. One thread at a
// time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/options.h"

namespace catamaran {

struct ConfigEntry {
  std::string key;     // "batch.global"
  std::string value;   // as TOML
  std::string source;  // default, FILE:LINE:COLUMN, --set
  std::string meaning;
};

struct ResolvedConfig {
  RunOptions options;
  std::vector<ConfigEntry> entries;
  std::string toml;  // reading it back gives the same options
  std::vector<std::string> overrides;
};

// An empty file name: defaults and overrides alone.
ResolvedConfig resolve_config(const std::filesystem::path& file,
                              const std::vector<std::string>& overrides);
// The same, with what is wrong beside it instead of an error: every mistake with its place, and
// then the values are of no use. UsageError only where a file cannot be read or is no TOML.
struct CheckedConfig {
  ResolvedConfig config;
  std::vector<std::string> problems;
};
CheckedConfig check_config(const std::filesystem::path& file,
                           const std::vector<std::string>& overrides);
// Every key as it is when nobody sets it.
std::vector<ConfigEntry> default_entries();

}  // namespace catamaran
