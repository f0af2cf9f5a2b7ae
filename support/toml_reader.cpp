#include "support/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/nearest.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtends = "extends";

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

// What no configuration is, refused before the parser sees it.
void require_bounded(std::string_view text, const std::string& where) {
  const char* what = nullptr;
  if (std::ssize(text) > kTomlLargestBytes) what = "more than 1 MiB";
  if (std::count(text.begin(), text.end(), '.') > kTomlMostDots) what = "more than 4096 dots";
  if (what == nullptr) return;
  throw UsageError(std::string("it has ") + what + ", which no configuration needs", where,
                   "is it the right file?");
}

std::string text_of(const fs::path& path) {
  try {
    const FileDescriptor file = open_for_reading(path);
    std::string text(static_cast<size_t>(std::min(file_bytes(file, path), kTomlLargestBytes + 1)),
                     '\0');
    read_exactly_at(file, 0, text.data(), std::ssize(text), path);
    return text;
  } catch (const DataError& error) {
    throw UsageError(error.what(), "", "");
  }
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
  const std::string text = text_of(file);
  require_bounded(text, file.string());
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
  flatten(&table, "", file.string(), 1);
  chain.pop_back();  // a base may be reached twice, but not from itself
}

void TomlReader::flatten(const void* opaque, const std::string& prefix, const std::string& file,
                         int depth) {
  for (const auto& [key, node] : *static_cast<const toml::table*>(opaque)) {
    if (depth > kTomlDeepest) {
      throw UsageError(
          "tables are nested more than " + std::to_string(kTomlDeepest) + " levels deep",
          position(file, node.source()), "no key of a configuration lies there");
    }
    const std::string path =
        prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      flatten(inner, path, file, depth + 1);
    } else {
      leaves_[path] =
          std::make_unique<Leaf>(Leaf{as_array_of_one(node), position(file, node.source())});
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
  require_bounded(text, "--set " + key);
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
  leaves_[key] = std::make_unique<Leaf>(Leaf{std::move(holder), "--set"});
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

void TomlReader::throw_if_problems() {
  std::vector<std::string> all;
  size_t unknown = 0;
  for (const auto& [key, leaf] : leaves_) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (unknown++ < kTomlMostProblems) {
      all.push_back(leaf->source + ": there is no key '" + key + "'" + did_you_mean(key, known_));
    }
  }
  all.insert(all.end(), problems_.begin(), problems_.end());
  if (all.empty()) return;
  const size_t mistakes = unknown + problems_.size();
  std::string text = mistakes == 1 ? "1 mistake:" : std::to_string(mistakes) + " mistakes:";
  all.resize(std::min(all.size(), kTomlMostProblems));
  for (const std::string& problem : all) text += "\n  " + problem;
  if (mistakes > all.size()) text += "\n  and " + std::to_string(mistakes - all.size()) + " more";
  throw UsageError(text, "configuration",
                   "`catamaran config show --config FILE` lists every key with its value");
}

}  // namespace catamaran
