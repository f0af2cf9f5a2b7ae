#include "support/toml_content.h"

#include <algorithm>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {

void require_toml_bounds(std::string_view text, const std::string& where) {
  const char* what = nullptr;
  if (std::ssize(text) > kTomlLargestBytes) what = "more than 1 MiB";
  if (std::count(text.begin(), text.end(), '.') > kTomlMostDots) what = "more than 4096 dots";
  if (what == nullptr) return;
  throw UsageError(std::string("it has ") + what + ", which no configuration needs", where,
                   "is it the right file?");
}

std::string read_toml_content(const std::filesystem::path& file) {
  std::string text;
  try {
    const FileDescriptor open = open_for_reading(file);
    text.resize(static_cast<size_t>(std::min(file_bytes(open, file), kTomlLargestBytes + 1)));
    read_exactly_at(open, 0, text.data(), std::ssize(text), file);
  } catch (const DataError& error) {
    throw UsageError(error.what(), "", "");
  }
  require_toml_bounds(text, file.string());
  return text;
}

}  // namespace catamaran
