// Screen: some lines at the bottom of a terminal that are drawn again in place, and lines above
// them that stay.
//
//   Screen screen(terminal_size(STDOUT_FILENO));
//   std::fputs(screen.say("epoch-0003: mAP 45.12").c_str(), stdout);
//   std::fputs(screen.draw({"training [###...] 120/400 steps"}).c_str(), stdout);
//   std::fputs(screen.finish().c_str(), stdout);
//
// Returns what has to be written, in one piece, so that nothing flickers; nothing where nothing has
// changed. Lines are cut to the terminal's width and never wrap; of more lines than it has rows the
// last ones are left out, which the last one says. Without a terminal draw returns nothing, and say
// the line. One thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/terminal.h"

namespace catamaran {

class Screen {
 public:
  explicit Screen(std::optional<TerminalSize> size) : size_(size) {}
  bool is_terminal() const { return size_.has_value(); }
  // That a line may have; one stays free, as a full line makes some terminals begin another.
  int64_t columns() const { return size_ ? std::max<int64_t>(1, size_->columns - 1) : 0; }
  // After the terminal has changed.
  void resize(std::optional<TerminalSize> size) { size_ = size; }

  std::string draw(std::vector<std::string> lines);
  std::string say(const std::string& line);
  // The drawn lines stay, and what comes next is below them.
  std::string finish();

 private:
  std::string to_the_first() const;

  std::optional<TerminalSize> size_;
  std::vector<std::string> drawn_;
};

}  // namespace catamaran
