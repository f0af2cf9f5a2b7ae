#include "drawing/line_plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "drawing/font.h"
#include "drawing/plot_axis.h"
#include "support/assert.h"

namespace catamaran {
namespace {

constexpr Colour kPaper = {255, 255, 255};
constexpr Colour kInk = {28, 30, 36};
constexpr Colour kSoftInk = {88, 92, 104};
constexpr Colour kGrid = {216, 219, 226};
constexpr Colour kFineGrid = {239, 240, 244};
constexpr Colour kFrame = {120, 124, 136};

constexpr int kLetters = 15;
constexpr int kTitleLetters = 20;
constexpr int64_t kEdge = 18;    // around everything
constexpr int64_t kGap = 8;      // between parts
constexpr int64_t kSwatch = 28;  // of a line, in the legend
constexpr size_t kMostNoteLines = 4;
constexpr double kLineWidth = 2.6;
constexpr double kFaintWidth = 1.4;
constexpr double kDotRadius = 3.6;

std::vector<double> values_of(const LinePlot& plot, double Point::*coordinate) {
  std::vector<double> values;
  for (const PlotLine& line : plot.lines) {
    for (const Point& point : line.points) values.push_back(point.*coordinate);
  }
  return values;
}

// Dots at the ends of the x axis want room.
constexpr double kDotMargin = 0.02;
bool has_dots(const LinePlot& plot) {
  return std::ranges::any_of(plot.lines, [](const PlotLine& line) {
    return line.style == PlotStyle::kDots || line.style == PlotStyle::kMarked;
  });
}

class PlotDrawer {
 public:
  explicit PlotDrawer(const LinePlot& plot)
      : plot_(plot),
        letters_(kLetters),
        title_(kTitleLetters),
        picture_(plot.width, plot.height, kPaper),
        frame_(frame()),
        x_(plot.x, values_of(plot, &Point::x),
           {static_cast<double>(frame_.left), static_cast<double>(frame_.left + frame_.width)},
           has_dots(plot) ? kDotMargin : 0, 7),
        y_(plot.y, values_of(plot, &Point::y),
           {static_cast<double>(frame_.top + frame_.height), static_cast<double>(frame_.top)}, 0.05,
           6) {}

  Picture draw() {
    draw_grid();
    for (const PlotLine& line : plot_.lines) draw_line(line);
    draw_frame();
    draw_marks();
    draw_words();
    return std::move(picture_);
  }

 private:
  int64_t inside() const { return plot_.width - 2 * kEdge; }

  std::vector<std::string> note_lines() const {
    std::vector<std::string> lines;
    for (const std::string& note : plot_.notes) {
      for (std::string& line : letters_.wrap(note, inside(), kMostNoteLines))
        lines.push_back(std::move(line));
    }
    return lines;
  }

  // The words' places come first, what is left is the plot's.
  Rectangle frame() {
    const int64_t line = letters_.line_height();
    legend_top_ = kEdge + (plot_.title.empty() ? 0 : title_.line_height() + kGap);
    const int64_t label_top = place_legend();
    const int64_t top = label_top + line + kGap;
    const auto notes = static_cast<int64_t>(note_lines().size());
    const int64_t below = line + kGap + line + kGap + notes * (line + 2) + kEdge;
    const int64_t left = kEdge + y_label_width();
    const int64_t right = kEdge + letters_.width("10⁻⁵");
    return {.left = left,
            .top = top,
            .width = std::max<int64_t>(1, plot_.width - left - right),
            .height = std::max<int64_t>(1, plot_.height - top - below)};
  }

  // The ticks of the y axis do not depend on its pixels.
  int64_t y_label_width() const {
    const AxisMap y(plot_.y, values_of(plot_, &Point::y), {1, 0}, 0.05, 6);
    int64_t widest = 0;
    for (const double tick : y.ticks()) widest = std::max(widest, letters_.width(y.text(tick)));
    return widest + kGap;
  }

  struct LegendEntry {
    const PlotLine* line;
    int64_t left, top;
  };

  // Names in rows; returns where the next thing may begin.
  int64_t place_legend() {
    int64_t left = kEdge;
    int64_t top = legend_top_;
    for (const PlotLine& line : plot_.lines) {
      if (line.name.empty()) continue;
      const int64_t width = kSwatch + kGap + letters_.width(line.name) + 3 * kGap;
      if (left > kEdge && left + width > plot_.width - kEdge) {
        left = kEdge;
        top += letters_.line_height() + 2;
      }
      legend_.push_back({&line, left, top});
      left += width;
    }
    return legend_.empty() ? top : top + letters_.line_height() + kGap;
  }

  Rectangle whole() const {
    return {.left = 0, .top = 0, .width = plot_.width, .height = plot_.height};
  }

  void rule(bool upright, double at, Colour colour) {
    const auto pixel = static_cast<int64_t>(std::lround(at));
    picture_.fill(upright ? Rectangle{pixel, frame_.top, 1, frame_.height}
                          : Rectangle{frame_.left, pixel, frame_.width, 1},
                  colour);
  }

  void draw_grid() {
    for (const double value : x_.fine()) rule(true, x_.pixel(value), kFineGrid);
    for (const double value : y_.fine()) rule(false, y_.pixel(value), kFineGrid);
    for (const double value : x_.ticks()) rule(true, x_.pixel(value), kGrid);
    for (const double value : y_.ticks()) rule(false, y_.pixel(value), kGrid);
  }

  void draw_frame() {
    rule(false, static_cast<double>(frame_.top + frame_.height), kFrame);
    rule(true, static_cast<double>(frame_.left), kFrame);
  }

  void draw_line(const PlotLine& line) {
    Stroke stroke(frame_);
    stroke_points(stroke, line);
    stroke.draw(picture_, line.colour, line.style == PlotStyle::kFaint ? 0.45 : 1);
  }

  void stroke_points(Stroke& stroke, const PlotLine& line) {
    const bool dots = line.style == PlotStyle::kDots || line.style == PlotStyle::kMarked;
    const double width = line.style == PlotStyle::kFaint ? kFaintWidth : kLineWidth;
    std::optional<Point> before;
    for (const Point& point : line.points) {
      if (!x_.can_show(point.x) || !y_.can_show(point.y)) {
        before.reset();
        continue;
      }
      const Point at{x_.pixel(point.x), y_.pixel(point.y)};
      if (dots) stroke.dot(at, kDotRadius);
      if (before && line.style == PlotStyle::kDashed) {
        stroke.dashed(*before, at, width, 9, 6);
      } else if (before && line.style != PlotStyle::kDots) {
        stroke.segment(*before, at, width);
      }
      before = at;
    }
  }

  void draw_marks() {
    for (const PlotMark& mark : plot_.marks) {
      if (!x_.has_inside(mark.x)) continue;
      const double x = x_.pixel(mark.x);
      Stroke stroke(frame_);
      stroke.dashed({x, static_cast<double>(frame_.top)},
                    {x, static_cast<double>(frame_.top + frame_.height)}, 1.8, 7, 5);
      stroke.draw(picture_, mark.colour, 1);
    }
    draw_mark_words();
  }

  // Below one another, on whichever side has room, over a patch of paper.
  void draw_mark_words() {
    const int64_t height = letters_.line_height();
    int64_t top = frame_.top + kGap;
    for (const PlotMark& mark : plot_.marks) {
      if (!x_.has_inside(mark.x)) continue;
      const int64_t width = letters_.width(mark.text);
      const auto at = static_cast<int64_t>(x_.pixel(mark.x));
      const bool right = at + kGap + width <= frame_.left + frame_.width - kGap;
      const int64_t left = right ? at + kGap : std::max(frame_.left + kGap, at - kGap - width);
      picture_.fill({.left = left - 3, .top = top - 1, .width = width + 6, .height = height + 2},
                    kPaper);
      letters_.draw(picture_, left, top, mark.text, mark.colour);
      top += height + 5;
    }
  }

  void draw_words() {
    const int64_t line = letters_.line_height();
    title_.draw(picture_, kEdge, kEdge, title_.cut(plot_.title, inside()), kInk);
    for (const LegendEntry& entry : legend_) draw_legend_entry(entry);
    letters_.draw(picture_, kEdge, frame_.top - line - kGap, letters_.cut(plot_.y.label, inside()),
                  kSoftInk);
    draw_y_ticks();
    const int64_t below = frame_.top + frame_.height + kGap;
    draw_x_ticks(below);
    const std::string x_label = letters_.cut(plot_.x.label, inside());
    letters_.draw(picture_,
                  std::max(kEdge, frame_.left + (frame_.width - letters_.width(x_label)) / 2),
                  below + line + 2, x_label, kSoftInk);
    int64_t top = below + line + kGap + line;
    for (const std::string& note : note_lines()) {
      letters_.draw(picture_, kEdge, top + 4, note, kInk);
      top += line + 2;
    }
  }

  void draw_y_ticks() {
    for (const double tick : y_.ticks()) {
      const std::string text = y_.text(tick);
      const auto middle = static_cast<int64_t>(std::lround(y_.pixel(tick)));
      letters_.draw(picture_, frame_.left - kGap + 1 - letters_.width(text),
                    middle - letters_.line_height() / 2, text, kSoftInk);
    }
  }

  // A label that would touch the one before is left out.
  void draw_x_ticks(int64_t top) {
    int64_t free_from = 0;
    for (const double tick : x_.ticks()) {
      const std::string text = x_.text(tick);
      const int64_t width = letters_.width(text);
      const int64_t left = static_cast<int64_t>(std::lround(x_.pixel(tick))) - width / 2;
      if (left < free_from) continue;
      letters_.draw(picture_, left, top, text, kSoftInk);
      free_from = left + width + kGap;
    }
  }

  void draw_legend_entry(const LegendEntry& entry) {
    const double y =
        static_cast<double>(entry.top) + static_cast<double>(letters_.line_height()) / 2;
    const auto left = static_cast<double>(entry.left);
    const double right = left + kSwatch;
    const PlotStyle style = entry.line->style;
    Stroke stroke(whole());
    if (style == PlotStyle::kDashed) {
      stroke.dashed({left, y}, {right, y}, kLineWidth, 9, 6);
    } else if (style != PlotStyle::kDots) {
      stroke.segment({left, y}, {right, y}, style == PlotStyle::kFaint ? kFaintWidth : kLineWidth);
    }
    if (style == PlotStyle::kDots || style == PlotStyle::kMarked)
      stroke.dot({(left + right) / 2, y}, kDotRadius);
    stroke.draw(picture_, entry.line->colour, style == PlotStyle::kFaint ? 0.6 : 1);
    letters_.draw(picture_, entry.left + kSwatch + kGap, entry.top,
                  letters_.cut(entry.line->name, inside() - kSwatch - kGap), kInk);
  }

  const LinePlot& plot_;
  Font letters_;
  Font title_;
  Picture picture_;
  int64_t legend_top_ = 0;
  std::vector<LegendEntry> legend_;  // filled by frame()
  Rectangle frame_;
  AxisMap x_;
  AxisMap y_;
};

}  // namespace

Colour plot_colour(size_t line) {
  constexpr std::array<Colour, 7> kColours = {{{0, 114, 178},
                                               {213, 94, 0},
                                               {0, 158, 115},
                                               {170, 68, 153},
                                               {230, 159, 0},
                                               {86, 180, 233},
                                               {96, 99, 110}}};
  return kColours[line % kColours.size()];
}

Picture line_plot(const LinePlot& plot) {
  CATAMARAN_ASSERT(plot.width >= 320 && plot.height >= 240, "a plot has room for its words");
  return PlotDrawer(plot).draw();
}

}  // namespace catamaran
