#include "support/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "support/error.h"
#include "support/nearest.h"
#include "support/text.h"
#include "support/toml_text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtends = "extends";
constexpr int64_t kAfterAllFiles = kTomlMostFiles + 1;  // --set

std::string position(const std::string& file, const toml::source_region& region) {
  return file + ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column);
}

// The value as a node of its own, so that it outlives the table it was parsed in.
toml::array as_array_of_one(const toml::node& node) {
  toml::array holder;
  node.visit([&](const auto& typed) { holder.push_back(typed); });
  return holder;
}

// What `extends` names: one file, or a list of which the later ones win.
std::vector<std::string> bases(const toml::node& extends, const std::string& file) {
  std::vector<std::string> names;
  if (const auto one = extends.value<std::string>()) names.push_back(*one);
  if (const toml::array* list = extends.as_array()) {
    for (const toml::node& node : *list) {
      if (const auto name = node.value<std::string>()) names.push_back(*name);
    }
    if (names.size() != list->size()) names.clear();
  }
  if (names.empty()) {
    throw UsageError("'extends' must be a file name or a list of file names",
                     position(file, extends.source()), "for example extends = \"base.toml\"");
  }
  return names;
}

// File, line and column: what decides the order in which a user reads it.
using Place = std::array<int64_t, 3>;

Place place_of(int file, const toml::source_region& region) {
  return {file, region.begin.line, region.begin.column};
}

// As TOML writes it; empty for what is no bare value and no list of such.
std::string text_of(const toml::node& node) {
  if (const auto* list = node.as_array()) {
    std::string text;
    for (const toml::node& element : *list) {
      const std::string one = element.is_array() ? "" : text_of(element);
      if (one.empty()) return "";
      text += (text.empty() ? "" : ", ") + one;
    }
    return "[" + text + "]";
  }
  if (const auto* word = node.as_string()) return toml_text(word->get());
  if (const auto* whole = node.as_integer()) return toml_text(whole->get());
  if (const auto* number = node.as_floating_point()) return toml_text(number->get());
  if (const auto* truth = node.as_boolean()) return toml_text(truth->get());
  return "";
}

void require_shallow(int depth, const std::string& file, const toml::node& node) {
  if (depth <= kTomlDeepest) return;
  throw UsageError("tables are nested more than " + std::to_string(kTomlDeepest) + " levels deep",
                   position(file, node.source()), "no key of a configuration lies there");
}

std::string joined(const std::string& prefix, const toml::key& key) {
  return prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
}

struct PlacedItem {
  Place place;
  TomlItem item;
};

void collect_items(const toml::table& table, const std::string& prefix, const std::string& file,
                   int depth, std::vector<PlacedItem>& items) {
  for (const auto& [key, node] : table) {
    require_shallow(depth, file, node);
    const std::string path = joined(prefix, key);
    if (const toml::table* inner = node.as_table()) {
      collect_items(*inner, path, file, depth + 1, items);
    } else {
      items.push_back(
          {place_of(0, node.source()), {path, text_of(node), position(file, node.source())}});
    }
  }
}

// Of [[...]], before the nodes are copied and forget where they stood; none for anything else.
std::vector<std::vector<TomlItem>> tables_of(const toml::node& node, const std::string& file,
                                             int depth) {
  std::vector<std::vector<TomlItem>> tables;
  const toml::array* list = node.as_array();
  if (list == nullptr) return tables;
  for (const toml::node& element : *list) {
    if (!element.is_table()) return {};
    std::vector<PlacedItem> placed;
    collect_items(*element.as_table(), "", file, depth + 1, placed);
    std::ranges::stable_sort(placed, {}, &PlacedItem::place);
    tables.emplace_back();
    for (PlacedItem& one : placed) tables.back().push_back(std::move(one.item));
  }
  return tables;
}

std::string arrows(const std::vector<fs::path>& chain) {
  std::string text;
  for (const fs::path& file : chain) text += (text.empty() ? "" : " -> ") + file.string();
  return text;
}

}  // namespace

struct TomlReader::Leaf {
  toml::array holder;  // of one element
  std::string source;
  Place place{};                                // among all that were read
  std::vector<std::vector<TomlItem>> tables{};  // of a list of tables
  const toml::node& node() const { return *holder.get(0); }
};

TomlReader::TomlReader() = default;
TomlReader::~TomlReader() = default;

void TomlReader::load(const fs::path& file) {
  std::vector<fs::path> chain;
  load_file(file, chain);
}

void TomlReader::load_file(const fs::path& file, std::vector<fs::path>& chain) {
  std::error_code code;
  if (!fs::is_regular_file(file, code)) {
    const bool folder = fs::is_directory(file, code);
    throw UsageError(folder ? "is a folder, not a file" : "there is no such file", file.string(),
                     chain.empty() ? "check --config" : "check 'extends' of " + arrows(chain));
  }
  const fs::path canonical = fs::weakly_canonical(file);
  const bool circle = std::find(chain.begin(), chain.end(), canonical) != chain.end();
  chain.push_back(canonical);
  if (++files_ > kTomlMostFiles) {
    throw UsageError("more than " + std::to_string(kTomlMostFiles) +
                         " files are read by way of 'extends': " + arrows(chain),
                     file.string(), "extend fewer files");
  }
  if (circle) {
    throw UsageError("the file extends itself: " + arrows(chain), file.string(),
                     "remove one 'extends' of this circle");
  }
  const std::string text = read_toml_content(file);
  toml::table table;
  try {
    table = toml::parse(text, file.string());
  } catch (const toml::parse_error& problem) {
    throw UsageError(std::string("not valid TOML: ") + std::string(problem.description()),
                     position(file.string(), problem.source()),
                     "see the TOML text above that place");
  }
  if (const toml::node* extends = table.get(kExtends)) {
    for (const std::string& base : bases(*extends, file.string()))
      load_file(file.parent_path() / base, chain);
    table.erase(kExtends);
  }
  ++flattened_;  // its bases came before it
  flatten(&table, "", file.string(), 1);
  chain.pop_back();  // a base may be reached twice, but not from itself
}

void TomlReader::flatten(const void* opaque, const std::string& prefix, const std::string& file,
                         int depth) {
  for (const auto& [key, node] : *static_cast<const toml::table*>(opaque)) {
    require_shallow(depth, file, node);
    const std::string path = joined(prefix, key);
    if (const toml::table* inner = node.as_table()) {
      flatten(inner, path, file, depth + 1);
    } else {
      leaves_[path] = std::make_unique<Leaf>(
          Leaf{as_array_of_one(node), position(file, node.source()),
               place_of(flattened_, node.source()), tables_of(node, file, depth)});
    }
  }
}

void TomlReader::set(const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    add_problem("--set " + assignment + ": must be KEY=VALUE, for example --set batch.global=64");
    return;
  }
  if (!is_utf8(assignment)) {
    add_problem("--set " + printable(assignment) + ": is not UTF-8; a path in it must be");
    return;
  }
  const std::string key = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);
  require_toml_bounds(text, "--set " + key);
  toml::array holder;
  try {
    holder = as_array_of_one(*toml::parse("value = " + text).get("value"));
  } catch (const toml::parse_error& problem) {
    if (!text.empty() && text.find_first_not_of("+-0123456789_") == std::string::npos) {
      add_problem("--set " + assignment + ": " + std::string(problem.description()));
      return;
    }
    holder.clear();
    holder.push_back(text);  // a bare word: --set model.head.pool=max
  }
  leaves_[key] =
      std::make_unique<Leaf>(Leaf{std::move(holder), "--set", {kAfterAllFiles, 0, 0}, {}});
}

const TomlReader::Leaf* TomlReader::find(const std::string& key) {
  known_.push_back(key);
  const auto found = leaves_.find(key);
  return found == leaves_.end() ? nullptr : found->second.get();
}

void TomlReader::mistyped(const std::string& key, const std::string& wanted, const Leaf& leaf) {
  std::ostringstream value;
  leaf.node().visit([&](const auto& typed) {
    if constexpr (!toml::is_table<decltype(typed)>) value << typed;
  });
  add_problem(leaf.source + ": " + key + " must be " + wanted + ", not " + value.str());
}

void TomlReader::read(const std::string& key, bool& value) {
  if (const Leaf* leaf = find(key)) {
    const auto* typed = leaf->node().as_boolean();
    typed != nullptr ? void(value = typed->get()) : mistyped(key, "true or false", *leaf);
  }
}

void TomlReader::read(const std::string& key, int64_t& value) {
  if (const Leaf* leaf = find(key)) {
    const auto* typed = leaf->node().as_integer();
    typed != nullptr ? void(value = typed->get()) : mistyped(key, "a whole number", *leaf);
  }
}

void TomlReader::read(const std::string& key, uint64_t& value) {
  if (const Leaf* leaf = find(key)) {
    const auto* typed = leaf->node().as_integer();
    const bool fits = typed != nullptr && typed->get() >= 0;
    fits ? void(value = static_cast<uint64_t>(typed->get()))
         : mistyped(key, "a whole number that is not negative", *leaf);
  }
}

void TomlReader::read(const std::string& key, double& value) {
  if (const Leaf* leaf = find(key)) {
    const auto* whole = leaf->node().as_integer();
    const auto* typed = leaf->node().as_floating_point();
    if (whole != nullptr) {
      value = static_cast<double>(whole->get());
    } else {
      typed != nullptr ? void(value = typed->get()) : mistyped(key, "a number", *leaf);
    }
  }
}

void TomlReader::read(const std::string& key, std::string& value) {
  if (const Leaf* leaf = find(key)) {
    const auto* typed = leaf->node().as_string();
    typed != nullptr ? void(value = typed->get()) : mistyped(key, "text in quotes", *leaf);
  }
}

bool TomlReader::read_numbers(const std::string& key, std::vector<double>& values) {
  const Leaf* leaf = find(key);
  if (leaf == nullptr) return false;
  const toml::array* list = leaf->node().as_array();
  std::vector<double> numbers;
  if (list != nullptr) {
    for (const toml::node& node : *list) {
      if (const auto number = node.value<double>()) numbers.push_back(*number);
    }
  }
  if (list == nullptr || numbers.size() != list->size()) {
    mistyped(key, "a list of numbers", *leaf);
    return false;
  }
  values = std::move(numbers);
  return true;
}

void TomlReader::read(const std::string& key, std::vector<double>& value) {
  read_numbers(key, value);
}

void TomlReader::read(const std::string& key, std::array<double, 3>& value) {
  std::vector<double> numbers;
  if (!read_numbers(key, numbers)) return;
  if (numbers.size() == value.size()) {
    std::copy(numbers.begin(), numbers.end(), value.begin());
  } else {
    add_problem(source(key) + ": " + key + " must be a list of three numbers");
  }
}

std::string TomlReader::source(const std::string& key) const {
  const auto found = leaves_.find(key);
  return found == leaves_.end() ? "default" : found->second->source;
}

std::vector<TomlItem> TomlReader::read_table(const std::string& table) {
  const std::string begin = table + ".";
  std::vector<std::pair<Place, TomlItem>> placed;
  for (const auto& [key, leaf] : leaves_) {
    if (!key.starts_with(begin)) continue;
    known_.push_back(key);
    placed.push_back(
        {leaf->place, {key.substr(begin.size()), text_of(leaf->node()), leaf->source}});
  }
  std::ranges::stable_sort(placed, {}, &std::pair<Place, TomlItem>::first);
  std::vector<TomlItem> items;
  items.reserve(placed.size());
  for (auto& [place, item] : placed) items.push_back(std::move(item));
  return items;
}

std::optional<std::vector<std::string>> TomlReader::read_list(const std::string& key) {
  const Leaf* leaf = find(key);
  if (leaf == nullptr) return std::nullopt;
  std::vector<std::string> values;
  const toml::array* list = leaf->node().as_array();
  if (list != nullptr) {
    for (const toml::node& node : *list) values.push_back(text_of(node));
  }
  if (list == nullptr || std::ranges::find(values, "") != values.end()) {
    add_problem(leaf->source + ": " + key + " must be a list of values");
    return std::nullopt;
  }
  return values;
}

std::vector<std::vector<TomlItem>> TomlReader::read_tables(const std::string& key) {
  const Leaf* leaf = find(key);
  if (leaf == nullptr) return {};
  if (leaf->tables.empty())
    add_problem(leaf->source + ": " + key + " must be a list of tables: [[" + key + "]]");
  return leaf->tables;
}

// At most kTomlMostProblems unknown keys have a nearest one looked for, however many there are.
std::vector<std::string> TomlReader::first_problems(size_t& mistakes) const {
  std::vector<std::string> all;
  size_t unknown = 0;
  for (const auto& [key, leaf] : leaves_) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (unknown++ < kTomlMostProblems) {
      all.push_back(leaf->source + ": there is no key '" + key + "'" + did_you_mean(key, known_));
    }
  }
  all.insert(all.end(), problems_.begin(), problems_.end());
  mistakes = unknown + problems_.size();
  return all;
}

std::vector<std::string> TomlReader::problems() const {
  size_t mistakes = 0;
  return first_problems(mistakes);
}

void TomlReader::throw_if_problems() const {
  size_t mistakes = 0;
  std::vector<std::string> all = first_problems(mistakes);
  if (all.empty()) return;
  std::string text = mistakes == 1 ? "1 mistake:" : std::to_string(mistakes) + " mistakes:";
  all.resize(std::min(all.size(), kTomlMostProblems));
  for (const std::string& problem : all) text += "\n  " + problem;
  if (mistakes > all.size()) text += "\n  and " + std::to_string(mistakes - all.size()) + " more";
  throw UsageError(text, "configuration",
                   "`catamaran config show --config FILE` lists every key with its value");
}

}  // namespace catamaran
