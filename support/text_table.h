// TextTable: rows for people, each on one line: as wide as it needs, or cut to a terminal's width.
//
//   TextTable table({{.title = "name", .least = 8}, {.title = "loss", .side = Side::kRight},
//                    {.title = "reason", .least = 10, .drop = 1}});
//   table.add({"runs/a", "0.31", ""});
//   for (const std::string& line : table.lines(80)) std::printf("%s\n", line.c_str());
//
// Where the width is too small, columns with a `least` width are cut, the last one first, and then
// columns go, those of the highest `drop` first; at last lines are cut. Cells are shown on one
// line, whatever is in them. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace catamaran {

enum class Side { kLeft, kRight };

struct TextColumn {
  std::string title;
  Side side = Side::kLeft;
  int64_t least = 0;  // columns of a terminal that it may be cut to; 0: it is never cut
  int drop = 0;       // 0: it stays
};

class TextTable {
 public:
  explicit TextTable(std::vector<TextColumn> columns) : columns_(std::move(columns)) {}
  // As many cells as columns.
  void add(std::vector<std::string> cells);
  // The titles, and a line for each row. width 0: as wide as it needs.
  std::vector<std::string> lines(int64_t width) const;

 private:
  struct Layout;
  Layout layout_for(int64_t width) const;

  std::vector<TextColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The text on one line: ends of lines and tabs become spaces, and what is no text '?'.
std::string one_line(const std::string& text);

}  // namespace catamaran
