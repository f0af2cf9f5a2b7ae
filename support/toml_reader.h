// TOML with `extends`, overrides, and memory of where each value came from. Every mistake is
// collected, so that a user sees all of them at once.
//
//   TomlReader reader;
//   reader.load("configs/demo/cat.toml");
//   reader.set("batch.global=64");                      // like --set; a bare word counts as text
//   reader.read("batch.global", options.batch.global);
//   reader.throw_if_problems();                         // unknown keys are those that nobody read
//
// extends = "base.toml", or ["data.toml", "recipe.toml"]: files relative to the one that names
// them, read before it, so that its own keys win, and later ones of a list over earlier ones.
// Missing files and circles are reported with the chain of files that led there.
//
// Sources print as FILE:LINE:COLUMN or "--set". Integers are accepted where a float is due, not the
// other way round. A file is read as if somebody had made it to do harm: bounded in size, depth and
// the number of files that it extends. Errors: UsageError. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/toml_content.h"

namespace catamaran {

constexpr int kTomlDeepest = 64;           // levels of tables in one another
constexpr int kTomlMostFiles = 100;        // by way of extends, one read twice counted twice
constexpr size_t kTomlMostProblems = 100;  // that are told

// A value as it stands in a file.
struct TomlItem {
  std::string key;     // in a table, "optimizer.name" with tables in it
  std::string value;   // as TOML (support/toml_text.h); empty: a date, or a list of tables
  std::string source;  // "FILE:LINE:COLUMN" or "--set"
};

class TomlReader {
 public:
  TomlReader();
  ~TomlReader();
  TomlReader(const TomlReader&) = delete;
  TomlReader& operator=(const TomlReader&) = delete;

  void load(const std::filesystem::path& file);
  void set(const std::string& assignment);

  void read(const std::string& key, bool& value);
  void read(const std::string& key, int64_t& value);
  void read(const std::string& key, uint64_t& value);
  void read(const std::string& key, double& value);
  void read(const std::string& key, std::string& value);
  void read(const std::string& key, std::vector<double>& value);
  void read(const std::string& key, std::array<double, 3>& value);

  // For tables whose keys are the user's choice. What stands in the table, tables in it included,
  // in the order of files and lines; none where it is not there.
  std::vector<TomlItem> read_table(const std::string& table);
  // Each element as TOML; none where nobody gave the key, and, with a problem, where its value is
  // no list of bare values.
  std::optional<std::vector<std::string>> read_list(const std::string& key);
  // [[key]], each table's items in the order of lines; nothing, and a problem, for anything else.
  std::vector<std::vector<TomlItem>> read_tables(const std::string& key);
  bool has(const std::string& key) const { return leaves_.contains(key); }

  // "FILE:LINE:COLUMN", "--set", or "default" when nobody gave the key.
  std::string source(const std::string& key) const;
  void add_problem(const std::string& problem) { problems_.push_back(problem); }
  // Every problem, the unknown keys included (each with the nearest known one).
  std::vector<std::string> problems() const;
  // UsageError with all of them.
  void throw_if_problems() const;

 private:
  struct Leaf;
  const Leaf* find(const std::string& key);
  void mistyped(const std::string& key, const std::string& wanted, const Leaf& leaf);
  void load_file(const std::filesystem::path& file, std::vector<std::filesystem::path>& chain);
  void flatten(const void* table, const std::string& prefix, const std::string& file, int depth);
  std::vector<std::string> first_problems(size_t& mistakes) const;
  bool read_numbers(const std::string& key, std::vector<double>& values);

  std::map<std::string, std::unique_ptr<Leaf>> leaves_;
  std::vector<std::string> known_;  // every key that was read
  std::vector<std::string> problems_;
  int files_ = 0;      // read so far
  int flattened_ = 0;  // of them, with all their bases
};

}  // namespace catamaran
