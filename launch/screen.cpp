#include "launch/screen.h"

#include <algorithm>
#include <utility>

#include "support/text.h"

namespace catamaran {
namespace {

constexpr const char* kRestOfLine = "\x1b[K";  // is erased
constexpr const char* kAllBelow = "\x1b[J";

}  // namespace

// The cursor stands at the end of the last line that was drawn.
std::string Screen::to_the_first() const {
  if (drawn_.empty()) return "";
  return drawn_.size() == 1 ? "\r" : text("\r\x1b[%zuA", drawn_.size() - 1);
}

std::string Screen::draw(std::vector<std::string> lines) {
  if (!size_) return "";
  const auto rows = static_cast<size_t>(std::max<int64_t>(1, size_->rows - 1));
  if (lines.size() > rows) {
    const size_t rest = lines.size() - rows + 1;
    lines.resize(rows);
    lines.back() = text("... and %zu more", rest);
  }
  for (std::string& line : lines) line = cut_to_columns(line, columns());
  if (lines == drawn_) return "";
  std::string output = to_the_first();
  for (size_t l = 0; l < lines.size(); ++l) output += (l == 0 ? "" : "\n") + lines[l] + kRestOfLine;
  if (lines.size() < drawn_.size()) output += kAllBelow;
  drawn_ = std::move(lines);
  return output;
}

std::string Screen::say(const std::string& line) {
  const std::string erased = drawn_.empty() ? "" : to_the_first() + kAllBelow;
  drawn_.clear();
  return erased + line + "\n";
}

std::string Screen::finish() {
  const bool has_drawn = !std::exchange(drawn_, {}).empty();
  return has_drawn ? "\n" : "";
}

}  // namespace catamaran
