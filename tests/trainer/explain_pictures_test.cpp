#include "trainer/explain_pictures.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

constexpr Colour kGrey = {120, 120, 120};

TEST(PartOf, IsWhereThePictureShowsTheRegion) {
  const Picture shown(300, 150, kGrey);
  const Rectangle part = part_of(shown, {.height = 300, .width = 600},
                                 {.left = 168.75, .top = 18.75, .right = 431.25, .bottom = 281.25});
  EXPECT_EQ(part.left, 84);
  EXPECT_EQ(part.top, 9);
  EXPECT_EQ(part.width, 132);
  EXPECT_EQ(part.height, 132);
}

TEST(PartOf, HasAPixelInsideThePictureHoweverThinTheRegion) {
  const Picture shown(40, 3, kGrey);
  const Rectangle part = part_of(shown, {.height = 30000, .width = 400000},
                                 {.left = 399999, .top = 0, .right = 400000, .bottom = 1});
  EXPECT_EQ(part.left, 39);
  EXPECT_EQ(part.width, 1);
  EXPECT_EQ(part.top, 0);
  EXPECT_EQ(part.height, 1);
}

TEST(Overlay, GlowsInThePartThatWasSeenAndIsDarkBesideIt) {
  const Picture picture(40, 20, kGrey);
  const Picture over = overlay(picture, torch::tensor({{0.0F, 1.0F}}).repeat({2, 1}),
                               {.left = 10, .top = 0, .width = 20, .height = 20});
  const auto brightness = [&](int64_t x) { return over.at(x, 10).red + over.at(x, 10).green; };
  EXPECT_EQ(over.at(0, 10), over.at(39, 10));
  EXPECT_LT(brightness(9), 110);
  EXPECT_GT(brightness(10), brightness(9));
  EXPECT_GT(brightness(29), brightness(10) + 100);
  EXPECT_EQ(over.at(30, 10), over.at(0, 0));
}

TEST(Overlay, CoversAllOfAPictureThatWasSeenWhole) {
  const Picture picture(16, 16, kGrey);
  const Picture over =
      overlay(picture, torch::rand({4, 4}), {.left = 0, .top = 0, .width = 16, .height = 16});
  for (int64_t i = 0; i < 16; ++i) EXPECT_GT(over.at(i, i).red + over.at(i, 0).red, 110);
}

}  // namespace
}  // namespace catamaran
