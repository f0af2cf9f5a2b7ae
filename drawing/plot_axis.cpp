#include "drawing/plot_axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "support/assert.h"
#include "support/axis_ticks.h"

namespace catamaran {
namespace {

constexpr double kFewDecades = 1.5;  // 1, 2 and 5 of each have labels
constexpr double kManyDecades = 8;   // not every decade has one

std::string superscript(int number) {
  constexpr std::array<const char*, 10> kDigits = {"⁰", "¹", "²", "³", "⁴",
                                                   "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = number < 0 ? "⁻" : "";
  for (const char digit : std::to_string(std::abs(number)))
    text += kDigits[static_cast<size_t>(digit - '0')];
  return text;
}

std::vector<double> decades(double low, double high, int every) {
  std::vector<double> found;
  const double tolerance = 1e-9;
  for (double power = std::ceil(std::log10(low) - tolerance);
       power <= std::floor(std::log10(high) + tolerance); ++power) {
    if (static_cast<int64_t>(power) % every == 0) found.push_back(std::pow(10, power));
  }
  return found;
}

}  // namespace

std::string tick_text(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

std::string log_tick_text(double value) {
  if (value > 0.99 && value < 99) return tick_text(value);
  const int power = static_cast<int>(std::floor(std::log10(value) + 1e-9));
  const double multiple = value / std::pow(10, power);
  const std::string ten = "10" + superscript(power);
  return std::abs(multiple - 1) < 1e-6 ? ten : tick_text(multiple) + "·" + ten;
}

AxisMap::AxisMap(const PlotAxis& axis, const std::vector<double>& values, AxisPixels pixels,
                 double margin, int tick_count)
    : scale_(axis.scale), pixels_(pixels) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const double value : values) {
    if (!can_show(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) {
    low = log() ? 0.1 : 0;
    high = 1;
  }
  if (low == high) {
    low = log() ? low / 2 : low - std::max(1.0, std::abs(low) / 10);
    high = log() ? high * 2 : high + std::max(1.0, std::abs(high) / 10);
  }
  const double wider = log() ? std::pow(high / low, margin) : (high - low) * margin;
  low_ = axis.low.value_or(log() ? low / wider : low - wider);
  high_ = axis.high.value_or(log() ? high * wider : high + wider);
  if (!(low_ < high_)) (axis.low ? high_ : low_) = axis.low ? low_ + std::abs(low_) + 1 : high_ / 2;
  CATAMARAN_ASSERT(low_ < high_ && (!log() || low_ > 0), "a range that can be drawn was given");
  if (!log()) {
    ticks_ = round_ticks(low_, high_, tick_count);
    return;
  }
  const double span = std::log10(high_ / low_);
  ticks_ = span < kFewDecades ? log_ticks(low_, high_)
                              : decades(low_, high_, span > kManyDecades ? 2 : 1);
  powers_ = !ticks_.empty() && (ticks_.front() < 0.00099 || ticks_.back() > 10001);
  for (const double decade : decades(low_ / 10, high_, 1)) {
    for (int multiple = 1; multiple < 10; ++multiple) {
      const double value = decade * multiple;
      if (has_inside(value)) fine_.push_back(value);
    }
  }
}

bool AxisMap::can_show(double value) const { return std::isfinite(value) && (!log() || value > 0); }

bool AxisMap::has_inside(double value) const {
  return can_show(value) && value >= low_ && value <= high_;
}

double AxisMap::pixel(double value) const {
  const double share =
      log() ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  // Far outside is as good as outside, and stays a number of pixels.
  return pixels_.first + std::clamp(share, -4.0, 5.0) * (pixels_.last - pixels_.first);
}

std::string AxisMap::text(double tick) const {
  return powers_ ? log_tick_text(tick) : tick_text(tick);
}

}  // namespace catamaran
