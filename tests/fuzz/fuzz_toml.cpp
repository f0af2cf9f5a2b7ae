// Fuzz target: a configuration. An input is a TOML file and, each behind a zero byte, values of
// --set. The file may extend itself, and base.toml. Mistakes are UsageErrors, or every key can be
// asked for as every type and for its place.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "scratch_folder.h"
#include "support/error.h"
#include "support/toml_reader.h"

namespace catamaran {
namespace {

std::vector<std::string> parts_of(std::string_view input) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= input.size();) {
    const size_t end = std::min(input.find('\0', at), input.size());
    parts.emplace_back(input.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

template <typename T>
void ask(TomlReader& reader, const std::string& key) {
  T value{};
  reader.read(key, value);
}

void ask_for_everything(TomlReader& reader) {
  for (const char* key : {"batch.global", "data.train", "a", "a.b", "model.input.mean"}) {
    ask<bool>(reader, key);
    ask<int64_t>(reader, key);
    ask<uint64_t>(reader, key);
    ask<double>(reader, key);
    ask<std::string>(reader, key);
    ask<std::vector<double>>(reader, key);
    ask<std::array<double, 3>>(reader, key);
    if (reader.source(key).empty()) std::abort();
    (void)reader.read_list(key);
    (void)reader.read_tables(key);
  }
  // As sweep files are read; what is no bare value has an empty text.
  for (const char* table : {"axes", "set", "when", "a"}) {
    for (const TomlItem& item : reader.read_table(table)) {
      if (item.source.empty()) std::abort();
      (void)reader.read_list(std::string(table) + "." + item.key);
    }
  }
  for (const std::vector<TomlItem>& one : reader.read_tables("axes.list"))
    for (const TomlItem& item : one)
      if (item.source.empty()) std::abort();
  (void)reader.problems();
}

void read(std::string_view input) {
  static const ScratchFolder folder;
  const std::vector<std::string> parts = parts_of(input);
  folder.write("base.toml", "[batch]\nglobal = 1\n");
  folder.write("input.toml", parts.front());
  try {
    TomlReader reader;
    reader.load(folder.path() / "input.toml");
    for (size_t i = 1; i < parts.size(); ++i) reader.set(parts[i]);
    ask_for_everything(reader);
    reader.throw_if_problems();
  } catch (const UsageError&) {
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read({reinterpret_cast<const char*>(data), size});
  return 0;
}
