#include "support/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace catamaran {
namespace {

constexpr const char* kCut = "...";
constexpr int64_t kCutColumns = 3;

bool begins_a_code_point(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Of the first so many code points.
size_t bytes_of_columns(std::string_view text, int64_t columns) {
  int64_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (begins_a_code_point(text[i]) && seen++ == columns) return i;
  }
  return text.size();
}

std::string spaces(const std::string& text, int64_t columns) {
  return std::string(static_cast<size_t>(std::max<int64_t>(0, columns - columns_of(text))), ' ');
}

}  // namespace

std::optional<TerminalSize> terminal_size(int descriptor) {
  if (::isatty(descriptor) != 1) return std::nullopt;
  TerminalSize size;
  winsize window{};
  if (::ioctl(descriptor, TIOCGWINSZ, &window) == 0) {
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
  }
  return size;
}

std::optional<TerminalSize> terminal_of(const std::string& text) {
  constexpr int64_t kMost = 10'000;
  TerminalSize size;
  const char* const end = text.data() + text.size();
  const auto [between, code] = std::from_chars(text.data(), end, size.columns);
  if (code != std::errc() || between == end || *between != 'x') return std::nullopt;
  const auto [stop, failure] = std::from_chars(between + 1, end, size.rows);
  const bool is_one =
      size.columns > 0 && size.rows > 0 && size.columns < kMost && size.rows < kMost;
  if (failure != std::errc() || stop != end || !is_one) return std::nullopt;
  return size;
}

std::optional<TerminalSize> error_terminal() {
  if (const auto own = terminal_size(STDERR_FILENO)) return own;
  const char* const told = std::getenv(kTerminalVariable);  // NOLINT(concurrency-mt-unsafe)
  return told == nullptr ? std::nullopt : terminal_of(told);
}

int64_t columns_of(std::string_view text) {
  return std::ranges::count_if(text, begins_a_code_point);
}

std::string cut_to_columns(const std::string& text, int64_t columns) {
  columns = std::max<int64_t>(0, columns);
  if (columns_of(text) <= columns) return text;
  if (columns <= kCutColumns) return text.substr(0, bytes_of_columns(text, columns));
  return text.substr(0, bytes_of_columns(text, columns - kCutColumns)) + kCut;
}

std::string padded(const std::string& text, int64_t columns) {
  return text + spaces(text, columns);
}

std::string padded_left(const std::string& text, int64_t columns) {
  return spaces(text, columns) + text;
}

}  // namespace catamaran
