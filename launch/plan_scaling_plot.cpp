// The picture of launch/plan_scaling.h: efficiency over devices, on a logarithmic axis.
#include <algorithm>
#include <cmath>

#include "drawing/caption.h"
#include "drawing/font.h"
#include "drawing/picture.h"
#include "drawing/png_file.h"
#include "launch/plan_scaling.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int64_t kWidth = 760;
constexpr int64_t kHeight = 420;
constexpr Rectangle kPlot = {.left = 70, .top = 46, .width = 660, .height = 310};
constexpr int64_t kDot = 3;

int64_t x_of(double log_share) {
  return kPlot.left + static_cast<int64_t>(std::lround(log_share * (kPlot.width - 1)));
}
int64_t y_of(double efficiency) {
  const double share = std::clamp(efficiency, 0.0, 1.0);
  return kPlot.top + static_cast<int64_t>(std::lround((1 - share) * (kPlot.height - 1)));
}

void draw_segment(Picture& picture, int64_t x0, int64_t y0, int64_t x1, int64_t y1) {
  const int64_t steps = std::max({int64_t{1}, std::abs(x1 - x0), std::abs(y1 - y0)});
  for (int64_t s = 0; s <= steps; ++s) {
    picture.fill({.left = x0 + (x1 - x0) * s / steps,
                  .top = y0 + (y1 - y0) * s / steps,
                  .width = 2,
                  .height = 2},
                 kBlue);
  }
}

void draw_axes(Picture& picture, const Font& font) {
  for (int tick = 0; tick <= 5; ++tick) {
    const double efficiency = 0.2 * tick;
    const int64_t y = y_of(efficiency);
    picture.fill({.left = kPlot.left, .top = y, .width = kPlot.width, .height = 1}, {60, 62, 70});
    const std::string label = text("%.0f %%", 100 * efficiency);
    font.draw(picture, kPlot.left - 10 - font.width(label), y - font.line_height() / 2, label,
              kDim);
  }
  font.draw(picture, kPlot.left, kHeight - 26, "devices", kDim);
}

}  // namespace

void plot_scaling(const std::filesystem::path& file, const ScalingPlan& plan) {
  Picture picture(kWidth, kHeight, kGround);
  const Font font(14);
  font.draw(picture, kPlot.left, 14, font.cut("efficiency, predicted: " + plan.source, kPlot.width),
            kLight);
  draw_axes(picture, font);
  const double low =
      plan.rows.empty() ? 0 : std::log2(static_cast<double>(plan.rows.front().ranks));
  const double high =
      plan.rows.empty() ? 1 : std::log2(static_cast<double>(plan.rows.back().ranks));
  int64_t label_ends = 0;
  for (size_t r = 0; r < plan.rows.size(); ++r) {
    const auto share = [&](size_t row) {
      const double at = std::log2(static_cast<double>(plan.rows[row].ranks));
      return high > low ? (at - low) / (high - low) : 0.5;
    };
    const int64_t x = x_of(share(r));
    const int64_t y = y_of(plan.rows[r].efficiency);
    if (r > 0) draw_segment(picture, x_of(share(r - 1)), y_of(plan.rows[r - 1].efficiency), x, y);
    picture.fill({.left = x - kDot, .top = y - kDot, .width = 2 * kDot + 1, .height = 2 * kDot + 1},
                 kBlue);
    const std::string label = std::to_string(plan.rows[r].ranks);
    const int64_t left = x - font.width(label) / 2;
    if (left < label_ends) continue;
    font.draw(picture, left, kPlot.top + kPlot.height + 8, label, kDim);
    label_ends = left + font.width(label) + 8;
  }
  write_png(file, picture);
}

}  // namespace catamaran
