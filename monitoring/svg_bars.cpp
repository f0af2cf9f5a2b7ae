#include "monitoring/svg_bars.h"

#include <algorithm>
#include <numeric>

#include "monitoring/html_text.h"
#include "monitoring/svg_chart.h"

namespace catamaran {
namespace {

constexpr double kColumnWidth = 560;
constexpr double kLabelWidth = 120, kValueWidth = 46;
constexpr double kBarsWidth = kColumnWidth - kLabelWidth - kValueWidth;
constexpr size_t kFewGroups = 12;  // up to here one column is enough

std::string attribute(const char* name, double value) {
  return " " + std::string(name) + "=\"" + fixed(value, 1) + "\"";
}

std::string rectangle(const std::string& css_class, double x, double y, double width, double height,
                      const std::string& title) {
  return "<rect class=\"" + css_class + "\"" + attribute("x", x) + attribute("y", y) +
         attribute("width", std::max(width, 0.5)) + attribute("height", height) +
         " rx=\"1.5\"><title>" + html_escape(title) + "</title></rect>";
}

std::string text(const char* css_class, double x, double y, const char* anchor,
                 const std::string& content) {
  return "<text class=\"" + std::string(css_class) + "\"" + attribute("x", x) + attribute("y", y) +
         " text-anchor=\"" + anchor + "\">" + html_escape(content) + "</text>";
}

// Heights of one group, by the number of runs.
struct GroupShape {
  double bar;
  double group;

  explicit GroupShape(size_t runs) {
    bar = runs == 1 ? 11 : runs == 2 ? 8 : 6;
    group = std::max(17.0, static_cast<double>(runs) * (bar + 1) + 7);
  }
};

std::string one_group(const std::vector<BarRun>& runs, const BarGroup& group, double top,
                      const GroupShape& shape) {
  const double bars_height = static_cast<double>(runs.size()) * (shape.bar + 1);
  const double middle = top + bars_height / 2;
  std::string svg =
      "<g><title>" + html_escape(group.label) + "</title>" +
      text("bar-label", kLabelWidth - 8, middle + 3.5, "end", shorten(group.label, 17)) + "</g>";
  for (size_t run = 0; run < runs.size(); ++run) {
    const double y = top + static_cast<double>(run) * (shape.bar + 1);
    const auto& ratio = group.ratios[run];
    const std::string title = runs[run].name + ", " + group.label + ": " +
                              (ratio ? percent(*ratio) : std::string("no positives"));
    svg += rectangle("track", kLabelWidth, y, kBarsWidth, shape.bar, title);
    if (ratio)
      svg += rectangle("bar " + colour_class(runs[run].colour), kLabelWidth, y,
                       kBarsWidth * std::clamp(*ratio, 0.0, 1.0), shape.bar, title);
  }
  const auto& first = group.ratios.front();
  if (runs.size() == 1) {
    svg += text("bar-value", kLabelWidth + kBarsWidth + 6, middle + 3.5, "start",
                first ? fixed(100 * *first, 1) : "none");
  }
  return svg + "\n";
}

std::string column(const std::vector<BarRun>& runs, std::vector<BarGroup>::const_iterator from,
                   std::vector<BarGroup>::const_iterator to) {
  const GroupShape shape(runs.size());
  const double height = shape.group * static_cast<double>(to - from) + 4;
  std::string svg = "<svg class=\"bars\" viewBox=\"0 0 " + fixed(kColumnWidth, 0) + " " +
                    fixed(height, 0) +
                    "\" role=\"img\" aria-label=\"average precision by class\">\n";
  double top = 4;
  for (auto group = from; group != to; ++group, top += shape.group)
    svg += one_group(runs, *group, top, shape);
  return svg + "</svg>\n";
}

std::string one_stack(const std::vector<std::string>& parts, const StackedBar& bar, double top,
                      const std::string& unit) {
  constexpr double kHeight = 26, kNamed = 46;  // a narrower part has no room for its number
  const double sum = std::accumulate(bar.parts.begin(), bar.parts.end(), 0.0);
  std::string svg =
      text("bar-label", kLabelWidth - 8, top + kHeight / 2 + 4, "end", shorten(bar.label, 17));
  double x = kLabelWidth;
  const double width = 2 * kColumnWidth - kLabelWidth;
  for (size_t p = 0; p < parts.size(); ++p) {
    const double share = sum > 0 ? bar.parts[p] / sum : 0;
    if (share <= 0) continue;
    const std::string value = fixed(100 * share, 1) + " %";
    svg += rectangle(
        "p" + std::to_string(p), x, top, width * share, kHeight,
        bar.label + ", " + parts[p] + ": " + compact(bar.parts[p]) + " " + unit + ", " + value);
    if (width * share >= kNamed)
      svg += text("inside", x + width * share / 2, top + kHeight / 2 + 4, "middle", value);
    x += width * share;
  }
  return svg + "\n";
}

}  // namespace

std::string grouped_bars(const std::vector<BarRun>& runs, const std::vector<BarGroup>& groups) {
  if (groups.size() <= kFewGroups) return column(runs, groups.begin(), groups.end());
  const auto half = groups.begin() + static_cast<std::ptrdiff_t>((groups.size() + 1) / 2);
  return column(runs, groups.begin(), half) + column(runs, half, groups.end());
}

std::string stacked_bars(const std::vector<std::string>& parts, const std::vector<StackedBar>& bars,
                         const std::string& unit) {
  constexpr double kRow = 34;
  std::string svg = "<svg class=\"stack\" viewBox=\"0 0 " + fixed(2 * kColumnWidth, 0) + " " +
                    fixed(kRow * static_cast<double>(bars.size()), 0) +
                    "\" role=\"img\" aria-label=\"parts of a step\">\n";
  double top = 2;
  for (const StackedBar& bar : bars) {
    svg += one_stack(parts, bar, top, unit);
    top += kRow;
  }
  svg += "</svg>\n<ul class=\"legend\">";
  for (size_t p = 0; p < parts.size(); ++p)
    svg += "<li><span class=\"swatch p" + std::to_string(p) + "\"></span>" + html_escape(parts[p]) +
           "</li>";
  return svg + "</ul>\n";
}

}  // namespace catamaran
