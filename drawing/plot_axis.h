// The axis of a plot: from values to pixels, and where its ticks and its fine lines stand.
//
//   const AxisMap x(axis, values, {.first = 60, .last = 900}, 6);
//   x.pixel(0.25);   x.ticks();   x.fine();
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "drawing/line_plot.h"

namespace catamaran {

// Where the axis begins and ends in the picture; the y axis ends above where it begins.
struct AxisPixels {
  double first = 0;
  double last = 0;
};

class AxisMap {
 public:
  // values: of all points; those that the axis cannot show do not count. margin: share of the range
  // that is added on both sides where the axis gives no limit. tick_count: about so many.
  AxisMap(const PlotAxis& axis, const std::vector<double>& values, AxisPixels pixels, double margin,
          int tick_count);

  bool can_show(double value) const;    // it has a place on the axis, inside the range or not
  bool has_inside(double value) const;  // in the range
  double pixel(double value) const;     // can_show(value)
  const std::vector<double>& ticks() const { return ticks_; }
  const std::vector<double>& fine() const { return fine_; }  // without a label
  std::string text(double tick) const;

 private:
  bool log() const { return scale_ == AxisScale::kLog; }

  AxisScale scale_;
  AxisPixels pixels_;
  double low_ = 0;
  double high_ = 1;
  std::vector<double> ticks_;
  std::vector<double> fine_;
  bool powers_ = false;  // ticks are written as powers of ten
};

}  // namespace catamaran
