#include "drawing/contact_sheet.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {
namespace {

constexpr int64_t kGap = 10;
constexpr int kLetters = 14;  // pixels
constexpr int kTitleLetters = 16;

// One row of tiles of one block.
struct Line {
  const SheetRow* row = nullptr;
  size_t begin = 0;  // tiles [begin, end)
  size_t end = 0;
  int64_t caption = 0;  // height of the highest
};

struct Layout {
  int64_t tile_width = kLeastTileWidth;
  int64_t tile_height = 0;
  size_t columns = 0;
  std::vector<Line> lines;

  int64_t width() const { return kGap + static_cast<int64_t>(columns) * (tile_width + kGap); }
};

Layout lay_out(const ContactSheet& sheet, const Font& font) {
  Layout layout;
  size_t longest = 0;
  for (const SheetRow& row : sheet.rows) {
    longest = std::max(longest, row.tiles.size());
    for (const SheetTile& tile : row.tiles) {
      layout.tile_width = std::max(layout.tile_width, tile.picture.width());
      layout.tile_height = std::max(layout.tile_height, tile.picture.height());
    }
  }
  CATAMARAN_ASSERT(longest > 0, "a sheet has at least one tile");
  layout.columns = std::min(longest, kSheetColumns);
  for (size_t begin = 0; begin < longest; begin += kSheetColumns) {
    for (const SheetRow& row : sheet.rows) {
      Line line{.row = &row, .begin = begin};
      line.end = std::min(row.tiles.size(), begin + kSheetColumns);
      if (line.begin >= line.end) continue;
      for (size_t i = line.begin; i < line.end; ++i) {
        line.caption =
            std::max(line.caption, caption_height(font, row.tiles[i].caption, layout.tile_width));
      }
      layout.lines.push_back(line);
    }
  }
  return layout;
}

class Drawer {
 public:
  explicit Drawer(const ContactSheet& sheet)
      : sheet_(sheet),
        letters_(kLetters),
        title_(kTitleLetters),
        layout_(lay_out(sheet, letters_)) {}

  Picture draw() {
    Picture picture(layout_.width(), height(), kGround);
    int64_t top = kGap;
    if (!sheet_.title.empty()) {
      title_.draw(picture, kGap, top, title_.cut(sheet_.title, inside()), kLight);
      top += title_.line_height() + kGap;
    }
    for (const Line& line : layout_.lines) top = draw_line(picture, line, top);
    for (const Caption& note : sheet_.notes) {
      const int64_t high = caption_height(letters_, note, inside());
      draw_caption(picture, {.left = kGap, .top = top, .width = inside(), .height = high}, letters_,
                   note);
      top += high;
    }
    return picture;
  }

 private:
  int64_t inside() const { return layout_.width() - 2 * kGap; }
  int64_t name_height(const Line& line) const {
    return line.row->name.empty() ? 0 : letters_.line_height() + 4;
  }

  int64_t height() const {
    int64_t total = kGap;
    if (!sheet_.title.empty()) total += title_.line_height() + kGap;
    for (const Line& line : layout_.lines)
      total += name_height(line) + layout_.tile_height + line.caption + kGap;
    for (const Caption& note : sheet_.notes) total += caption_height(letters_, note, inside());
    return total;
  }

  int64_t draw_line(Picture& picture, const Line& line, int64_t top) {
    letters_.draw(picture, kGap, top, letters_.cut(line.row->name, inside()), kDim);
    top += name_height(line);
    for (size_t i = line.begin; i < line.end; ++i) {
      const SheetTile& tile = line.row->tiles[i];
      const int64_t left =
          kGap + static_cast<int64_t>(i - line.begin) * (layout_.tile_width + kGap);
      picture.paste(tile.picture, left + (layout_.tile_width - tile.picture.width()) / 2, top);
      draw_caption(picture,
                   {.left = left,
                    .top = top + layout_.tile_height,
                    .width = layout_.tile_width,
                    .height = line.caption},
                   letters_, tile.caption);
    }
    return top + layout_.tile_height + line.caption + kGap;
  }

  const ContactSheet& sheet_;
  Font letters_;
  Font title_;
  Layout layout_;
};

}  // namespace

Picture contact_sheet(const ContactSheet& sheet) { return Drawer(sheet).draw(); }

}  // namespace catamaran
