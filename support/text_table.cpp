#include "support/text_table.h"

#include <algorithm>
#include <utility>

#include "support/assert.h"
#include "support/terminal.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int64_t kBetween = 2;  // spaces between columns

}  // namespace

// Width of each column; 0: it is left out.
struct TextTable::Layout {
  std::vector<int64_t> widths;

  int64_t total() const {
    int64_t sum = 0;
    for (const int64_t width : widths) sum += width > 0 ? width + kBetween : 0;
    return std::max<int64_t>(0, sum - kBetween);
  }
};

std::string one_line(const std::string& text) {
  std::string line = printable(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

void TextTable::add(std::vector<std::string> cells) {
  CATAMARAN_ASSERT(cells.size() == columns_.size(), "a row has a cell for each column");
  for (std::string& cell : cells) cell = one_line(cell);
  rows_.push_back(std::move(cells));
}

TextTable::Layout TextTable::layout_for(int64_t width) const {
  Layout layout;
  for (size_t c = 0; c < columns_.size(); ++c) {
    int64_t widest = columns_of(columns_[c].title);
    for (const auto& row : rows_) widest = std::max(widest, columns_of(row[c]));
    layout.widths.push_back(widest);
  }
  if (width <= 0) return layout;
  const auto shrink = [&] {
    for (size_t c = columns_.size(); c-- > 0 && layout.total() > width;) {
      if (columns_[c].least == 0 || layout.widths[c] == 0) continue;
      const int64_t least = std::max(columns_[c].least, columns_of(columns_[c].title));
      layout.widths[c] -= std::clamp<int64_t>(layout.widths[c] - least, 0, layout.total() - width);
    }
  };
  const Layout whole = layout;
  shrink();
  int most = 0;
  for (const TextColumn& column : columns_) most = std::max(most, column.drop);
  for (int drop = most; drop > 0 && layout.total() > width; --drop) {
    for (size_t c = 0; c < columns_.size(); ++c) {
      const bool stays = columns_[c].drop < drop;
      layout.widths[c] = stays ? whole.widths[c] : 0;
    }
    shrink();  // what has gone makes room for the others
  }
  return layout;
}

std::vector<std::string> TextTable::lines(int64_t width) const {
  const Layout layout = layout_for(width);
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (layout.widths[c] == 0) continue;
      const std::string cell = cut_to_columns(cells[c], layout.widths[c]);
      line += columns_[c].side == Side::kLeft ? padded(cell, layout.widths[c])
                                              : padded_left(cell, layout.widths[c]);
      line += std::string(static_cast<size_t>(kBetween), ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    lines.push_back(width > 0 ? cut_to_columns(line, width) : line);
  };
  std::vector<std::string> titles;
  titles.reserve(columns_.size());
  for (const TextColumn& column : columns_) titles.push_back(column.title);
  add(titles);
  for (const auto& row : rows_) add(row);
  return lines;
}

}  // namespace catamaran
