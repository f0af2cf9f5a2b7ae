// The settings in a run's config.toml, as train and `config show` write it: one key a line, under
// the table's name, with a comment that says where the value is from.
//
//   const std::vector<Setting> settings = recorded_settings(read(run / "config.toml"));
//   value_of(settings, "model.fpn.enabled");      // "true", as TOML; "" where it is not there
//
// Not a parser of TOML: of a file that somebody wrote by hand it takes what looks the same and
// leaves out the rest. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

struct Setting {
  std::string key;     // "batch.global"
  std::string value;   // as TOML
  std::string source;  // default, FILE:LINE:COLUMN, --set; empty: the file does not say
};

std::vector<Setting> recorded_settings(std::string_view toml);

std::string value_of(const std::vector<Setting>& settings, const std::string& key);
// The same of a text: without its quotes.
std::string text_of(const std::vector<Setting>& settings, const std::string& key);

// One key of several runs, against what it is when nobody sets it.
struct SettingRow {
  std::string key;
  std::string usual;                // the default; empty: not known
  std::vector<std::string> values;  // one per run, "" where a run has no such key
  bool differs = false;             // between runs that have it, or from the default
};

// All keys in the order of the first run that has them. defaults may be empty: then only runs are
// compared. Keys that differ between any two runs are paths, names and seeds as well: see
// is_of_the_place.
std::vector<SettingRow> compared_settings(const std::vector<std::vector<Setting>>& runs,
                                          const std::vector<Setting>& defaults);
// Where a run was, not what it did: packs' folders, weights' files, ports.
bool is_of_the_place(const std::string& key);

}  // namespace catamaran
