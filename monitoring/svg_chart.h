// Line charts as SVG text for a page: axes with round ticks and units, one colour per run.
//
//   LineChart chart{"Loss", "step", "", false, true, {}};
//   chart.lines.push_back({"baseline", 0, LineStyle::kPlain, points});
//   page += line_chart(chart);
//
// Colours are CSS classes s0 ... s7 of the page's style, so that the chart follows its light or
// dark scheme. A value that is not finite leaves no point; a value outside the axis is drawn on its
// edge. Thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

struct ChartPoint {
  double x = 0;
  double y = 0;
};

enum class LineStyle {
  kPlain,   // a line
  kFaint,   // the raw values behind a smoothed line: not in the legend, does not set the axis alone
  kMarked,  // a line with a dot and a tooltip per point
};

struct ChartLine {
  std::string run;
  size_t colour = 0;  // number of the run; colours repeat after eight, then dashed
  LineStyle style = LineStyle::kPlain;
  std::vector<ChartPoint> points;
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;  // the unit
  bool y_from_zero = false;
  bool y_log = false;  // a logarithmic axis where the values are positive and far apart
  std::vector<ChartLine> lines;
};

// A <figure>. Without any finite point it says that there is nothing to show.
std::string line_chart(const LineChart& chart);

// The class of a run's colour: "s3", "s1 dashed".
std::string colour_class(size_t run);

}  // namespace catamaran
