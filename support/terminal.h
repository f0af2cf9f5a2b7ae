// What a terminal shows at once, and text that has to fit.
//
//   const std::optional<TerminalSize> terminal = terminal_size(STDOUT_FILENO);   // none: a file
//   line = cut_to_columns(line, terminal->columns - 1);                          // never wraps
//
// Columns are counted as code points: letters of double width are not known. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace catamaran {

struct TerminalSize {
  int64_t columns = 80;
  int64_t rows = 24;
};
// Asked anew each time: people change it. 80 x 24 of a terminal that does not say.
std::optional<TerminalSize> terminal_size(int descriptor);

// "COLUMNSxROWS" of the terminal that standard error leads to by way of a launcher, which shows it
// as it comes (launch/self_launch.h).
inline constexpr const char* kTerminalVariable = "CATAMARAN_TERMINAL";
// Of standard error, or of that variable.
std::optional<TerminalSize> error_terminal();
// Of its value; none of another text.
std::optional<TerminalSize> terminal_of(const std::string& text);

int64_t columns_of(std::string_view text);
// The text, or as much of its beginning as fits with "..." behind it.
std::string cut_to_columns(const std::string& text, int64_t columns);
// Spaces behind it, or before it, up to so many columns.
std::string padded(const std::string& text, int64_t columns);
std::string padded_left(const std::string& text, int64_t columns);

}  // namespace catamaran
