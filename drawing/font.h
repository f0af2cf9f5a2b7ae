// Font: DejaVu Sans at one size, smooth, drawn into a Picture by FreeType. The font's file is
// linked into the program (docs: about 0.7 MB), so that a compute node needs no fonts installed.
//
//   const Font font(14);                                     // pixels from line to line: about 1.2
//   x for (const std::string& line : font.wrap("a long class name 93 %", 180, 2)) ...
//   font.draw(picture, 8, 4, line, kWhite);                   // (8, 4): top left of the line
//
// Text is UTF-8; bytes that are none become U+FFFD, and what the font lacks a hollow box. One
// thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drawing/picture.h"

namespace catamaran {

class Font {
 public:
  explicit Font(int pixels);
  ~Font();
  Font(Font&&) noexcept;
  Font& operator=(Font&&) noexcept;

  int64_t line_height() const;
  int64_t width(std::string_view text) const;  // pixels that draw() covers to the right
  void draw(Picture& picture, int64_t left, int64_t top, std::string_view text,
            Colour colour) const;
  // The text, or its beginning and "..." where it is wider than most_width.
  std::string cut(std::string_view text, int64_t most_width) const;
  // Lines no wider than most_width, broken between words, inside a word that is too long itself;
  // the last of most_lines is cut. At least one line.
  std::vector<std::string> wrap(std::string_view text, int64_t most_width, size_t most_lines) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace catamaran
