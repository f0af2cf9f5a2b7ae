// Contact sheet: rows of pictures of one size with captions, a title above and notes below. Tile i
// of every row stands under tile i of the row above, so two models can be compared label by label;
// rows longer than kSheetColumns go on in a second block of the same rows.
//
//   ContactSheet sheet{.title = "photo.jpg"};
//   sheet.rows.push_back({.name = "backbone", .tiles = {{photo, {}}, {overlay, caption}}});
//   write_png(path, contact_sheet(sheet));
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "drawing/caption.h"
#include "drawing/picture.h"

namespace catamaran {

constexpr size_t kSheetColumns = 5;

struct SheetTile {
  Picture picture;
  Caption caption;
};

struct SheetRow {
  std::string name;  // above the row; may be empty
  std::vector<SheetTile> tiles;
};

struct ContactSheet {
  std::string title;
  std::vector<SheetRow> rows;  // at least one tile
  std::vector<Caption> notes;
};

Picture contact_sheet(const ContactSheet& sheet);

}  // namespace catamaran
