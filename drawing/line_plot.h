// Line plot: lines over two axes, linear or logarithmic, with round ticks, a legend above the plot
// and marks at chosen places of the x axis, as a Picture for write_png.
//
//   LinePlot plot{.title = "Step time", .x = {.label = "GPUs", .scale = AxisScale::kLog},
//                 .y = {.label = "images per second"}};
//   plot.lines.push_back({.name = "predicted", .colour = plot_colour(0), .points = points});
//   plot.marks.push_back({.text = "measured", .x = 4, .colour = plot_colour(1)});
//   write_png(path, line_plot(plot));
//
// A point that is not finite, or not above 0 on a logarithmic axis, is left out and breaks its
// line; what lies outside a given range is cut off at the frame. Dark on white, so that a page can
// print it. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drawing/picture.h"
#include "drawing/stroke.h"

namespace catamaran {

// Colours that differ to colour-blind eyes too (Okabe and Ito 2008): blue, vermilion, green,
// purple, orange, light blue, grey; then again.
Colour plot_colour(size_t line);

enum class AxisScale { kLinear, kLog };

struct PlotAxis {
  std::string label;  // with the unit
  AxisScale scale = AxisScale::kLinear;
  // The range; without them that of the points, a little wider on the y axis. Above 0 with kLog.
  std::optional<double> low = std::nullopt;
  std::optional<double> high = std::nullopt;
};

enum class PlotStyle {
  kLine,
  kFaint,   // thin and light: raw values behind a smoothed line
  kDashed,  // a limit, a prediction
  kDots,    // points alone
  kMarked,  // a line with a dot at each point
};

struct PlotLine {
  std::string name;  // in the legend; empty: not there
  Colour colour;
  PlotStyle style = PlotStyle::kLine;
  std::vector<Point> points = {};
};

// A dashed line from top to bottom at x, with words beside it. One outside the range is left out.
struct PlotMark {
  std::string text;
  double x = 0;
  Colour colour;
};

struct LinePlot {
  std::string title;
  PlotAxis x;
  PlotAxis y;
  std::vector<PlotLine> lines = {};
  std::vector<PlotMark> marks = {};
  std::vector<std::string> notes = {};  // below the plot; wrapped
  int64_t width = 960;                  // pixels of the picture, at least 320 x 240
  int64_t height = 600;
};

// Without any point that can be drawn the axes stand empty.
Picture line_plot(const LinePlot& plot);

// "0.25", "40000", "1e-5": the label of a tick on a linear axis.
std::string tick_text(double value);
// "10⁻⁵", "2·10⁻⁵": on a logarithmic axis of many decades; 1 to 99 as tick_text has them.
std::string log_tick_text(double value);

}  // namespace catamaran
