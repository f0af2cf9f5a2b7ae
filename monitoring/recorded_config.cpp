#include "monitoring/recorded_config.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace catamaran {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

// Where a value ends: behind the closing quote or bracket of what it opens, else at its blank.
size_t end_of_value(std::string_view text) {
  bool quoted = false;
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
      if (!quoted && depth == 0) return at + 1;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '[') ++depth;
    if (c == ']' && --depth <= 0) return at + 1;
    if ((c == ' ' || c == '#') && depth == 0) return at;
  }
  return text.size();
}

}  // namespace

std::vector<Setting> recorded_settings(std::string_view toml) {
  std::vector<Setting> settings;
  std::string table;
  while (!toml.empty()) {
    const size_t end = std::min(toml.find('\n'), toml.size());
    const std::string_view line = trimmed(toml.substr(0, end));
    toml.remove_prefix(std::min(end + 1, toml.size()));
    if (line.starts_with('[') && line.ends_with(']')) {
      table = std::string(line.substr(1, line.size() - 2)) + ".";
      continue;
    }
    const size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string_view rest = trimmed(line.substr(equals + 1));
    const size_t length = end_of_value(rest);
    std::string_view source = trimmed(rest.substr(length));
    if (source.starts_with('#')) source = trimmed(source.substr(1));
    settings.push_back({table + std::string(trimmed(line.substr(0, equals))),
                        std::string(rest.substr(0, length)), std::string(source)});
  }
  return settings;
}

std::string value_of(const std::vector<Setting>& settings, const std::string& key) {
  const auto found = std::ranges::find(settings, key, &Setting::key);
  return found == settings.end() ? "" : found->value;
}

// TOML's basic strings escape as JSON's do.
std::string text_of(const std::vector<Setting>& settings, const std::string& key) {
  const std::string value = value_of(settings, key);
  const auto text = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  return text.is_string() ? text.get<std::string>() : value;
}

std::vector<SettingRow> compared_settings(const std::vector<std::vector<Setting>>& runs,
                                          const std::vector<Setting>& defaults) {
  std::vector<SettingRow> rows;
  std::map<std::string, size_t> place;
  for (size_t run = 0; run < runs.size(); ++run) {
    for (const Setting& setting : runs[run]) {
      const auto [found, is_new] = place.try_emplace(setting.key, rows.size());
      if (is_new)
        rows.push_back({setting.key, value_of(defaults, setting.key),
                        std::vector<std::string>(runs.size()), false});
      rows[found->second].values[run] = setting.value;
    }
  }
  for (SettingRow& row : rows) {
    std::set<std::string> different;
    for (const std::string& value : row.values) {
      if (!value.empty()) different.insert(value);
    }
    if (!row.usual.empty()) different.insert(row.usual);
    row.differs = different.size() > 1;
  }
  return rows;
}

bool is_of_the_place(const std::string& key) {
  constexpr std::array<const char*, 9> kKeys = {
      "run.name",         "data.train",      "data.eval",
      "data.stage",       "data.threads",    "comm.threads_per_rank",
      "weights.backbone", "monitoring.port", "monitoring.address"};
  return std::ranges::find(kKeys, key) != kKeys.end();
}

}  // namespace catamaran
