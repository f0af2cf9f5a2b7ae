// A caption: a text and a value under a picture, on one line where both fit ("dog      93.4 %"),
// else the text over several lines and the value, never cut, on the last.
//
//   Picture tile = with_caption(overlay, {.text = "hair drier", .value = "missing  12.0 %",
//                                         .colour = kRed});
//
// A picture narrower than kLeastTileWidth stands in the middle of a tile of that width, so that
// there is room for the words. Thread-safe (a Font belongs to one thread).
#pragma once

#include <cstdint>
#include <string>

#include "drawing/font.h"
#include "drawing/picture.h"

namespace catamaran {

// Light on the dark ground of tiles and sheets. Red and blue differ to colour-blind eyes too
// (blue is the one that stays blue), and a word always says the same.
constexpr Colour kGround = {22, 23, 28};
constexpr Colour kLight = {240, 240, 242};
constexpr Colour kDim = {158, 160, 170};
constexpr Colour kRed = {255, 96, 84};
constexpr Colour kBlue = {104, 190, 255};

constexpr int64_t kLeastTileWidth = 176;

struct Caption {
  std::string text;
  std::string value;
  Colour colour = kLight;
};

int64_t caption_height(const Font& font, const Caption& caption, int64_t width);
void draw_caption(Picture& picture, const Rectangle& area, const Font& font,
                  const Caption& caption);

// The size of letters that suits a tile of this width.
int font_pixels(int64_t tile_width);
Picture with_caption(const Picture& picture, const Caption& caption);

}  // namespace catamaran
