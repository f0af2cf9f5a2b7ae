#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "drawing/caption.h"
#include "drawing/contact_sheet.h"
#include "drawing/font.h"
#include "drawing/heat_map.h"
#include "drawing/picture.h"
#include "drawing/utf8.h"

namespace catamaran {
namespace {

using ::testing::Each;
using ::testing::EndsWith;
using ::testing::Le;

constexpr const char* kLongName = "a rather long class name, of many words, that does not fit";

// The smallest rectangle around all that is not the ground.
Rectangle ink(const Picture& picture, Colour ground) {
  int64_t left = picture.width(), top = picture.height(), right = -1, bottom = -1;
  for (int64_t y = 0; y < picture.height(); ++y) {
    for (int64_t x = 0; x < picture.width(); ++x) {
      if (picture.at(x, y) == ground) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  return {left, top, right - left + 1, bottom - top + 1};
}

double brightness(Colour c) { return 0.299 * c.red + 0.587 * c.green + 0.114 * c.blue; }

TEST(Picture, CutsOffWhatLiesOutside) {
  Picture picture(4, 3, kLight);
  picture.paste(Picture(4, 4, kRed), 2, -2);
  picture.fill({.left = -5, .top = 2, .width = 6, .height = 9}, kBlue);
  picture.blend(9, 9, kRed, 1);
  EXPECT_EQ(picture.at(1, 0), kLight);
  EXPECT_EQ(picture.at(2, 0), kRed);
  EXPECT_EQ(picture.at(3, 1), kRed);
  EXPECT_EQ(picture.at(3, 2), kLight);
  EXPECT_EQ(picture.at(0, 2), kBlue);
  EXPECT_EQ(picture.at(1, 2), kLight);
}

TEST(Font, DrawsInsideTheWidthAndHeightItTells) {
  for (const int pixels : {13, 20, 26}) {
    const Font font(pixels);
    for (const std::string text : {"dog 93.4 %", "jgÅÉ_(|)", "größe", "µ-Ж"}) {
      Picture picture(400, 80, kGround);
      font.draw(picture, 20, 20, text, kLight);
      const Rectangle drawn = ink(picture, kGround);
      EXPECT_GT(drawn.width, 5) << text;
      EXPECT_GE(drawn.left, 19) << text;
      EXPECT_LE(drawn.left + drawn.width, 20 + font.width(text)) << text;
      EXPECT_GE(drawn.top, 20) << text;
      EXPECT_LE(drawn.top + drawn.height, 20 + font.line_height()) << text;
    }
  }
}

TEST(Font, CutsWithAnEllipsisAndWrapsBetweenWords) {
  const Font font(14);
  EXPECT_EQ(font.cut("dog", 200), "dog");
  EXPECT_LE(font.width(font.cut(kLongName, 100)), 100);
  EXPECT_THAT(font.cut(kLongName, 100), EndsWith("\xE2\x80\xA6"));
  const std::vector<std::string> lines = font.wrap(kLongName, 130, 9);
  std::string joined;
  for (const std::string& line : lines) {
    EXPECT_LE(font.width(line), 130) << line;
    joined += (joined.empty() ? "" : " ") + line;
  }
  EXPECT_EQ(joined, kLongName);
  EXPECT_EQ(font.wrap(kLongName, 130, 2).size(), 2u);
  EXPECT_GT(font.wrap("onewordthatisfartoolongforaline", 60, 9).size(), 1u);
  EXPECT_EQ(font.wrap("", 60, 3).size(), 1u);
}

TEST(Font, TakesBytesThatAreNoTextForReplacementCharacters) {
  for (const std::string bad : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xE2\x82", "a\x80z"}) {
    size_t at = 0;
    bool replaced = false;
    while (at < bad.size()) replaced |= next_code_point(bad, at) == kReplacement;
    EXPECT_TRUE(replaced);
    Picture picture(100, 40, kGround);
    Font(14).draw(picture, 4, 4, bad, kLight);
    EXPECT_GT(ink(picture, kGround).width, 0);
  }
  size_t at = 0;
  EXPECT_EQ(next_code_point("\xF0\x9F\x90\x95", at), U'\U0001F415');
  EXPECT_EQ(at, 4u);
}

TEST(HeatMap, GrowsLighterWithTheValue) {
  for (int i = 0; i < 100; ++i)
    EXPECT_LT(brightness(heat_colour(i / 100.0)), brightness(heat_colour((i + 1) / 100.0))) << i;
  EXPECT_EQ(heat_colour(-1), heat_colour(0));
  EXPECT_EQ(heat_colour(2), heat_colour(1));
}

TEST(HeatMap, LeavesAFlatMapDarkInsteadOfShowingItsNoise) {
  const Picture grey(2, 1, Colour{128, 128, 128});
  const std::vector<float> noise = {1.0f, 1.001f};
  const Picture flat = heat_over(grey, noise, 1);
  EXPECT_NEAR(brightness(flat.at(0, 0)), brightness(flat.at(1, 0)), 2);
  const std::vector<float> clear = {-2.0f, 3.0f};
  const Picture glowing = heat_over(grey, clear, 1);
  EXPECT_GT(brightness(glowing.at(1, 0)), brightness(glowing.at(0, 0)) + 60);
}

TEST(Caption, KeepsTheValueWholeUnderANameTooLong) {
  for (const int64_t width : {int64_t{1}, kLeastTileWidth, int64_t{400}, int64_t{768}}) {
    const Picture photo(width, 60, kBlue);
    const Picture tile = with_caption(photo, {kLongName, "missing  12.0 %", kRed});
    const int64_t tile_width = std::max(width, kLeastTileWidth);
    EXPECT_EQ(tile.width(), tile_width);
    EXPECT_GT(tile.height(), 60 + 12);
    Picture strip(tile_width, tile.height() - 60, kGround);
    strip.paste(tile, 0, -60);
    const Rectangle drawn = ink(strip, kGround);
    EXPECT_GE(drawn.left, 3);
    EXPECT_LE(drawn.left + drawn.width, tile_width - 3);
    EXPECT_GE(drawn.top, 3);
    EXPECT_LE(drawn.top + drawn.height, strip.height() - 1);
  }
}

TEST(ContactSheet, PutsTheSameTileOfEveryRowIntoOneColumnAndBreaksLongRows) {
  ContactSheet sheet{.title = "photo.jpg", .rows = {}, .notes = {}};
  for (const char* name : {"baseline", "CAT"}) {
    SheetRow row{.name = name, .tiles = {}};
    for (int i = 0; i < 7; ++i)
      row.tiles.push_back({Picture(200, 100, kBlue), {"dog", "1 %", kRed}});
    sheet.rows.push_back(row);
  }
  const Picture whole = contact_sheet(sheet);
  EXPECT_EQ(whole.width(), 10 + 5 * 210);
  // Columns 0 and 1 are blue in four lines: two blocks of two rows; column 4 in two.
  const auto blue_lines = [&](int64_t x) {
    int64_t lines = 0;
    for (int64_t y = 1; y < whole.height(); ++y)
      lines += whole.at(x, y) == kBlue && whole.at(x, y - 1) != kBlue ? 1 : 0;
    return lines;
  };
  EXPECT_EQ(blue_lines(10 + 100), 4);
  EXPECT_EQ(blue_lines(10 + 210 + 100), 4);
  EXPECT_EQ(blue_lines(10 + 4 * 210 + 100), 2);
}

}  // namespace
}  // namespace catamaran
