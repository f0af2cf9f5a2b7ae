#include "drawing/caption.h"

#include <algorithm>
#include <vector>

namespace catamaran {
namespace {

constexpr int64_t kPadding = 6;
constexpr int64_t kGap = 10;  // least space between text and value on one line
constexpr size_t kMostTextLines = 3;

bool on_one_line(const Font& font, const Caption& caption, int64_t width) {
  return font.width(caption.text) + kGap + font.width(caption.value) <= width;
}

std::vector<std::string> lines_of(const Font& font, const Caption& caption, int64_t width) {
  std::vector<std::string> lines = font.wrap(caption.text, width, kMostTextLines);
  if (caption.value.empty()) return lines;
  for (std::string& line : font.wrap(caption.value, width, 2)) lines.push_back(std::move(line));
  return lines;
}

}  // namespace

int64_t caption_height(const Font& font, const Caption& caption, int64_t width) {
  if (caption.text.empty() && caption.value.empty()) return 0;
  const int64_t inside = width - 2 * kPadding;
  const size_t lines =
      on_one_line(font, caption, inside) ? 1 : lines_of(font, caption, inside).size();
  return 2 * kPadding + static_cast<int64_t>(lines) * font.line_height();
}

void draw_caption(Picture& picture, const Rectangle& area, const Font& font,
                  const Caption& caption) {
  const int64_t left = area.left + kPadding;
  const int64_t inside = area.width - 2 * kPadding;
  int64_t top = area.top + kPadding;
  if (on_one_line(font, caption, inside)) {
    font.draw(picture, left, top, caption.text, caption.colour);
    font.draw(picture, left + inside - font.width(caption.value), top, caption.value,
              caption.colour);
    return;
  }
  for (const std::string& line : lines_of(font, caption, inside)) {
    font.draw(picture, left, top, line, caption.colour);
    top += font.line_height();
  }
}

int font_pixels(int64_t tile_width) {
  return static_cast<int>(std::clamp<int64_t>(tile_width / 22, 13, 26));
}

Picture with_caption(const Picture& picture, const Caption& caption) {
  const int64_t width = std::max(picture.width(), kLeastTileWidth);
  const Font font(font_pixels(width));
  const int64_t height = caption_height(font, caption, width);
  Picture tile(width, picture.height() + height, kGround);
  tile.paste(picture, (width - picture.width()) / 2, 0);
  draw_caption(tile, {.left = 0, .top = picture.height(), .width = width, .height = height}, font,
               caption);
  return tile;
}

}  // namespace catamaran
