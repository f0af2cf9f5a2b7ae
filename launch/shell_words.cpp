#include "launch/shell_words.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%^";

bool is_plain(const std::string& word) {
  return !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
}

}  // namespace

bool has_line_break(std::string_view word) {
  return std::ranges::any_of(word, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string shell_word(const std::string& word) {
  if (is_plain(word)) return word;
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_command(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line;
}

std::string shell_list(const std::vector<std::string>& words) {
  return "(" + shell_command(words) + ")";
}

std::string sbatch_word(const std::string& word) {
  CATAMARAN_ASSERT(!has_line_break(word), "words from outside were looked at");
  std::string escaped;
  for (const char c : word) {
    if (c == ' ' || c == '\\' || c == '\'' || c == '"' || c == '#') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string sbatch_file(const std::string& path) {
  std::string literal;
  for (const char c : path) literal += c == '%' ? "%%" : std::string(1, c);
  return literal;
}

}  // namespace catamaran
