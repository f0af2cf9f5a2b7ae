// Strokes: smooth lines and dots of any width on a Picture, inside one rectangle. What is drawn
// with one Stroke is one shape: where its segments overlap, a see-through colour stays even.
//
//   Stroke stroke({.left = 60, .top = 20, .width = 400, .height = 300});
//   stroke.segment({61.5, 40}, {120, 52.25}, 2.5);         // ends are round
//   stroke.dot({120, 52.25}, 4);
//   stroke.draw(picture, kBlue, 0.9);
//
// Points are pixels from the top left of the picture, (0.5, 0.5) the middle of the first; outside
// the rectangle nothing is drawn. One thread at a time.
#pragma once

#include <vector>

#include "drawing/picture.h"

namespace catamaran {

struct Point {
  double x = 0;
  double y = 0;
};

class Stroke {
 public:
  explicit Stroke(const Rectangle& area);

  void segment(Point from, Point to, double width);
  void dot(Point middle, double radius) { segment(middle, middle, 2 * radius); }
  // Pieces of `on` pixels with gaps of `off` between them.
  void dashed(Point from, Point to, double width, double on, double off);
  // share in 0..1 of the colour over what is there.
  void draw(Picture& picture, Colour colour, double share) const;

 private:
  Rectangle area_;
  std::vector<float> cover_;  // 0..1, rows of area_.width
};

}  // namespace catamaran
