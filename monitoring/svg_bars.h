// Bars as SVG text for a page: values per class side by side for several runs, and one bar per run
// split into parts.
//
//   page += grouped_bars({"baseline", "cat"}, {{"dog", {0.81, 0.93}}, {"cat", {0.9,
//   std::nullopt}}}); page += stacked_bars({"forward", "backward"}, {{"cat", {100, 200}}}, "ms");
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

struct BarRun {
  std::string name;
  size_t colour = 0;  // as in svg_chart.h
};

struct BarGroup {
  std::string label;
  std::vector<std::optional<double>> ratios;  // 0..1, one per run
};

// In the order given, in two columns when there are many.
std::string grouped_bars(const std::vector<BarRun>& runs, const std::vector<BarGroup>& groups);

struct StackedBar {
  std::string label;
  std::vector<double> parts;  // not negative, in the order of the parts' names
};

// Each bar is scaled to its own whole; colours are the classes p0 ... p7 of the page's style.
std::string stacked_bars(const std::vector<std::string>& parts, const std::vector<StackedBar>& bars,
                         const std::string& unit);

}  // namespace catamaran
