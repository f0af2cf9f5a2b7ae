#include "monitoring/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "monitoring/html_text.h"
#include "support/axis_ticks.h"

namespace catamaran {
namespace {

// Pixels of the drawing before the page scales it.
constexpr double kWidth = 560, kHeight = 290;
constexpr double kLeft = 58, kRight = 14, kTop = 12, kBottom = 44;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr size_t kMostPoints = 1000;  // more than there are pixels
constexpr size_t kColours = 8;
constexpr double kFarApart = 4;  // highest over lowest, from which a logarithmic axis helps

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

// From data to pixels.
class Plot {
 public:
  Plot(Range x, Range y, bool y_log) : x_(x), y_(y), y_log_(y_log) {}
  double x(double value) const { return kLeft + kPlotWidth * share(value, x_); }
  double y(double value) const {
    const double up =
        y_log_ ? share(std::log(std::max(value, y_.low)), {std::log(y_.low), std::log(y_.high)})
               : share(value, y_);
    return kTop + kPlotHeight * (1 - up);
  }
  std::vector<double> x_ticks() const { return round_ticks(x_.low, x_.high, 6); }
  std::vector<double> y_ticks() const {
    return y_log_ ? log_ticks(y_.low, y_.high) : round_ticks(y_.low, y_.high, 5);
  }

 private:
  static double share(double value, const Range& range) {
    return std::clamp((value - range.low) / (range.high - range.low), 0.0, 1.0);
  }
  Range x_, y_;
  bool y_log_;
};

bool finite(const ChartPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

std::vector<ChartPoint> finite_points(const ChartLine& line) {
  std::vector<ChartPoint> points;
  std::copy_if(line.points.begin(), line.points.end(), std::back_inserter(points), finite);
  return points;
}

// Of each run of neighbours the lowest and the highest, in their order: spikes stay visible.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points) {
  if (points.size() <= kMostPoints) return points;
  const size_t bins = kMostPoints / 2;
  std::vector<ChartPoint> few;
  for (size_t bin = 0; bin < bins; ++bin) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(bin * points.size() / bins);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((bin + 1) * points.size() / bins);
    auto [low, high] = std::minmax_element(
        begin, end, [](const ChartPoint& a, const ChartPoint& b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    few.push_back(*low);
    if (low != high) few.push_back(*high);
  }
  return few;
}

// Raw values count up to their 98th percentile, so that one spike does not flatten the rest.
Range y_range_of(const LineChart& chart) {
  Range range;
  for (const ChartLine& line : chart.lines) {
    std::vector<double> values;
    for (const ChartPoint& point : finite_points(line)) values.push_back(point.y);
    if (values.empty()) continue;
    std::sort(values.begin(), values.end());
    const bool faint = line.style == LineStyle::kFaint;
    range.include(values.front());
    range.include(faint ? values[(values.size() - 1) * 98 / 100] : values.back());
  }
  return range;
}

Range widened(Range range, bool from_zero) {
  if (from_zero) range.include(0);
  if (range.high == range.low) {
    const double half = range.low == 0 ? 1 : std::abs(range.low) / 10;
    return {from_zero && range.low == 0 ? 0 : range.low - half, range.high + half};
  }
  const double margin = (range.high - range.low) * 0.05;
  return {from_zero && range.low == 0 ? 0 : range.low - margin, range.high + margin};
}

std::string number(double pixels) { return fixed(pixels, 1); }

std::string text_at(double x, double y, const char* css_class, const char* anchor,
                    const std::string& text) {
  return "<text class=\"" + std::string(css_class) + "\" x=\"" + number(x) + "\" y=\"" + number(y) +
         "\" text-anchor=\"" + anchor + "\">" + html_escape(text) + "</text>";
}

std::string axes(const LineChart& chart, const Plot& plot) {
  std::string svg;
  for (const double tick : plot.y_ticks()) {
    const std::string y = number(plot.y(tick));
    svg += "<line class=\"grid\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) +
           "\" y1=\"" + y + "\" y2=\"" + y + "\"/>";
    svg += text_at(kLeft - 7, plot.y(tick) + 4, "tick", "end", compact(tick));
  }
  for (const double tick : plot.x_ticks()) {
    const std::string x = number(plot.x(tick));
    svg += "<line class=\"axis\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" +
           number(kTop + kPlotHeight) + "\" y2=\"" + number(kTop + kPlotHeight + 4) + "\"/>";
    svg += text_at(plot.x(tick), kTop + kPlotHeight + 17, "tick", "middle", compact(tick));
  }
  svg += "<line class=\"axis\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) +
         "\" y1=\"" + number(kTop + kPlotHeight) + "\" y2=\"" + number(kTop + kPlotHeight) + "\"/>";
  svg += text_at(kLeft + kPlotWidth / 2, kHeight - 8, "label", "middle", chart.x_label);
  return svg;
}

std::string dots(const ChartLine& line, const std::vector<ChartPoint>& points,
                 const LineChart& chart, const Plot& plot) {
  std::string svg;
  for (const ChartPoint& point : points) {
    svg += "<circle class=\"dot " + colour_class(line.colour) + "\" cx=\"" +
           number(plot.x(point.x)) + "\" cy=\"" + number(plot.y(point.y)) + "\" r=\"3.2\"><title>" +
           html_escape(line.run + ", " + chart.x_label + " " + compact(point.x) + ": " +
                       fixed(point.y, 2) + " " + chart.y_label) +
           "</title></circle>";
  }
  return svg;
}

std::string drawn_line(const ChartLine& line, const LineChart& chart, const Plot& plot) {
  const std::vector<ChartPoint> points = thinned(finite_points(line));
  if (points.empty()) return "";
  std::string svg = "<polyline class=\"" +
                    std::string(line.style == LineStyle::kFaint ? "raw " : "line ") +
                    colour_class(line.colour) + "\" points=\"";
  for (const ChartPoint& point : points)
    svg += number(plot.x(point.x)) + "," + number(plot.y(point.y)) + " ";
  svg += "\"><title>" + html_escape(line.run) + "</title></polyline>";
  if (line.style == LineStyle::kMarked) svg += dots(line, points, chart, plot);
  return svg;
}

std::string caption(const LineChart& chart) {
  return "<figcaption>" + html_escape(chart.title) +
         (chart.y_label.empty()
              ? ""
              : " <span class=\"unit\">" + html_escape(chart.y_label) + "</span>") +
         "</figcaption>";
}

}  // namespace

std::string colour_class(size_t run) {
  return "s" + std::to_string(run % kColours) + (run >= kColours ? " dashed" : "");
}

std::string line_chart(const LineChart& chart) {
  Range x_range;
  for (const ChartLine& line : chart.lines) {
    for (const ChartPoint& point : finite_points(line)) x_range.include(point.x);
  }
  if (x_range.empty()) {
    return "<figure class=\"chart\">" + caption(chart) +
           "<p class=\"none\">nothing recorded</p></figure>\n";
  }
  if (x_range.low == x_range.high) x_range = {x_range.low - 1, x_range.high + 1};
  const Range values = y_range_of(chart);
  const bool y_log = chart.y_log && values.low > 0 && values.high > kFarApart * values.low;
  const Plot plot(
      x_range,
      y_log ? Range{values.low / 1.1, values.high * 1.1} : widened(values, chart.y_from_zero),
      y_log);
  std::string figure = "<figure class=\"chart\">" + caption(chart) + "<svg viewBox=\"0 0 " +
                       fixed(kWidth, 0) + " " + fixed(kHeight, 0) +
                       "\" role=\"img\" aria-label=\"" + html_escape(chart.title) + "\">\n" +
                       axes(chart, plot) + "\n";
  for (const ChartLine& line : chart.lines) figure += drawn_line(line, chart, plot) + "\n";
  return figure + "</svg></figure>\n";
}

}  // namespace catamaran
