#include "drawing/line_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "drawing/plot_axis.h"
#include "drawing/png_file.h"
#include "drawing/stroke.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;

constexpr Colour kWhite = {255, 255, 255};
constexpr Colour kPure = {200, 0, 0};
constexpr Colour kOther = {0, 0, 200};

int64_t count_of(const Picture& picture, Colour colour) {
  int64_t count = 0;
  for (int64_t y = 0; y < picture.height(); ++y) {
    for (int64_t x = 0; x < picture.width(); ++x) count += picture.at(x, y) == colour ? 1 : 0;
  }
  return count;
}

LinePlot falling() {
  LinePlot plot{.title = "Loss",
                .x = {.label = "learning rate", .scale = AxisScale::kLog},
                .y = {.label = "loss"}};
  PlotLine line{.name = "smoothed", .colour = kPure};
  for (int i = 0; i <= 50; ++i)
    line.points.push_back({1e-6 * std::pow(10, i / 10.0), 0.7 - 0.01 * i});
  plot.lines.push_back(line);
  return plot;
}

TEST(Stroke, IsOneShapeWhereItsSegmentsOverlap) {
  Picture once(40, 20, kWhite), twice(40, 20, kWhite);
  for (Picture* picture : {&once, &twice}) {
    Stroke stroke({.left = 0, .top = 0, .width = 40, .height = 20});
    for (int i = 0; i < (picture == &twice ? 2 : 1); ++i) stroke.segment({5, 10}, {35, 10}, 4);
    stroke.draw(*picture, kPure, 0.5);
  }
  EXPECT_TRUE(std::ranges::equal(once.rgb(), twice.rgb()));
  EXPECT_EQ(once.at(20, 10), (Colour{228, 128, 128}));
  EXPECT_EQ(once.at(20, 14), kWhite);
}

TEST(Stroke, StaysInItsRectangleHoweverFarItsPointsAre) {
  Picture picture(60, 60, kWhite);
  Stroke stroke({.left = 10, .top = 10, .width = 40, .height = 40});
  stroke.segment({-1e6, 30}, {1e6, 30}, 6);
  stroke.segment({30, -500}, {30, 500}, 6);
  stroke.dot({200, 200}, 5);
  stroke.draw(picture, kPure, 1);
  EXPECT_EQ(picture.at(12, 30), kPure);
  EXPECT_EQ(picture.at(30, 48), kPure);
  EXPECT_EQ(picture.at(5, 30), kWhite);
  EXPECT_EQ(picture.at(30, 55), kWhite);
}

TEST(PlotAxis, HasRoundTicksAndPutsThemInOrder) {
  const AxisMap linear({.label = ""}, {0, 10}, {100, 200}, 0, 5);
  EXPECT_THAT(linear.ticks(), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_DOUBLE_EQ(linear.pixel(5), 150);
  const AxisMap rates({.label = "", .scale = AxisScale::kLog}, {1e-4, NAN, -3, 0, 1}, {0, 400}, 0,
                      5);
  EXPECT_THAT(rates.ticks(), ElementsAre(1e-4, 1e-3, 1e-2, 1e-1, 1));
  EXPECT_NEAR(rates.pixel(1e-2), 200, 1e-9);
  EXPECT_EQ(rates.text(1e-2), "10⁻²");
  EXPECT_EQ(rates.text(1), "1");
  const AxisMap close({.label = "", .scale = AxisScale::kLog}, {0.01, 1}, {0, 400}, 0, 5);
  EXPECT_EQ(close.text(0.01), "0.01");
  EXPECT_FALSE(rates.can_show(0));
  EXPECT_FALSE(rates.has_inside(2));
}

TEST(PlotAxis, TakesOneValueAndNoneForARange) {
  for (const AxisScale scale : {AxisScale::kLinear, AxisScale::kLog}) {
    for (const std::vector<double>& values : {std::vector<double>{}, {0.3}, {0}, {1e30, 1e30}}) {
      const AxisMap axis({.label = "", .scale = scale}, values, {0, 100}, 0.05, 5);
      EXPECT_FALSE(axis.ticks().empty());
      if (!values.empty() && axis.can_show(values[0])) {
        EXPECT_GT(axis.pixel(values[0]), 0);
        EXPECT_LT(axis.pixel(values[0]), 100);
      }
    }
  }
}

TEST(PlotAxis, WritesPowersOfTenAsPeopleDo) {
  EXPECT_EQ(log_tick_text(1e-5), "10⁻⁵");
  EXPECT_EQ(log_tick_text(2e-5), "2·10⁻⁵");
  EXPECT_EQ(log_tick_text(0.05), "5·10⁻²");
  EXPECT_EQ(log_tick_text(10), "10");
  EXPECT_EQ(log_tick_text(1000), "10³");
  EXPECT_EQ(log_tick_text(1e12), "10¹²");
  EXPECT_EQ(tick_text(0.25), "0.25");
}

TEST(LinePlot, DrawsEveryLineInsideTheFrameAndTheMarksOverThem) {
  LinePlot plot = falling();
  plot.marks.push_back({.text = "steepest", .x = 1e-3, .colour = kOther});
  plot.marks.push_back({.text = "far outside", .x = 10, .colour = {1, 2, 3}});
  const Picture picture = line_plot(plot);
  EXPECT_EQ(picture.width(), 960);
  EXPECT_GT(count_of(picture, kPure), 1000);
  EXPECT_GT(count_of(picture, kOther), 200);
  EXPECT_EQ(count_of(picture, {1, 2, 3}), 0);
  for (int64_t y = 0; y < picture.height(); ++y) EXPECT_EQ(picture.at(4, y), kWhite);
}

TEST(LinePlot, LeavesOutWhatHasNoPlaceAndCutsOffWhatLiesOutside) {
  LinePlot plot = falling();
  plot.y.high = 0.8;
  plot.lines[0].points.push_back({0.2, INFINITY});
  plot.lines[0].points.push_back({0.3, NAN});
  plot.lines[0].points.push_back({0.5, 1e30});
  plot.lines[0].points.push_back({-1, 0.5});
  EXPECT_GT(count_of(line_plot(plot), kPure), 500);
  plot.lines[0].points = {{NAN, 1}};
  EXPECT_EQ(line_plot(plot).height(), 600);
  plot.lines.clear();
  EXPECT_EQ(line_plot(plot).height(), 600);
}

TEST(LinePlot, HasRoomForItsWordsInASmallPictureToo) {
  LinePlot plot = falling();
  plot.width = 320;
  plot.height = 240;
  plot.title = "A title that is far too long for so small a picture, and is cut";
  for (int i = 0; i < 5; ++i)
    plot.lines.push_back({.name = "line " + std::to_string(i), .colour = plot_colour(0)});
  plot.notes = {"A note of many words, which goes on over more than one line of the picture."};
  EXPECT_GT(count_of(line_plot(plot), kPure), 50);
}

}  // namespace
}  // namespace catamaran
