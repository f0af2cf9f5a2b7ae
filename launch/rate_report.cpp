#include "launch/rate_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "drawing/line_plot.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr size_t kRows = 15;        // of the table
constexpr double kAboveFall = 0.6;  // of the fall, above the first loss, in the picture

// "0.0012", "6.6e-5": as one writes it into a configuration.
std::string setting_text(double rate, const RateSetting& setting) {
  const double value = rate * setting.factor;
  if (value >= 0.001) return text("%.2g", value);
  const int power = static_cast<int>(std::floor(std::log10(value)));
  return text("%.2ge%d", value / std::pow(10, power), power);
}

const char* name_of(RangeEnd end) {
  switch (end) {
    case RangeEnd::kHighestRate:
      return "highest rate";
    case RangeEnd::kLossRanAway:
      return "loss ran away";
    case RangeEnd::kNotFinite:
      return "not finite";
  }
  return "";
}

double first_loss(const RateSearch& found) { return found.trials.front().smoothed; }

double lowest_loss(const RateSearch& found) {
  return std::ranges::min_element(found.trials, {}, &RateTrial::smoothed)->smoothed;
}

std::string table(const RateSearch& found, const RateSetting& setting) {
  std::string rows = "learning rate      loss  smoothed\n";
  const size_t count = found.trials.size();
  for (size_t row = 0; row < std::min(kRows, count); ++row) {
    const RateTrial& trial = found.trials[count <= kRows ? row : row * (count - 1) / (kRows - 1)];
    rows += text("%13s  %8.4f  %8.4f\n", setting_text(trial.rate, setting).c_str(), trial.loss,
                 trial.smoothed);
  }
  return rows;
}

}  // namespace

std::string rate_text(const RateSearch& found, const RateSetting& setting) {
  std::string all = table(found, setting);
  if (found.end != RangeEnd::kHighestRate) {
    all += text("%s above %s\n",
                found.end == RangeEnd::kLossRanAway ? "the loss ran away"
                                                    : "gradients or loss were not finite",
                found.trials.empty() ? "the first rate"
                                     : setting_text(found.trials.back().rate, setting).c_str());
  }
  if (!found.suggestion) return all;
  const RateSuggestion& s = *found.suggestion;
  all += text("the loss fell from %.4f to %.4f, at its lowest with %s\n", first_loss(found),
              lowest_loss(found), setting_text(s.lowest, setting).c_str());
  all += text(
      "suggested optimizer.learning_rate:\n"
      "  %-8s steepest descent: the loss falls fastest here; for constant, step and cosine\n"
      "  %-8s a tenth of the rate with the lowest loss; for the top of onecycle\n",
      setting_text(s.steepest, setting).c_str(), setting_text(s.tenth_of_lowest, setting).c_str());
  if (!found.note.empty()) all += found.note + "\n";
  return all;
}

nlohmann::json rate_json(const RateSearch& found, const RateSetting& setting) {
  nlohmann::json trials = nlohmann::json::array();
  for (const RateTrial& trial : found.trials) {
    trials.push_back({{"learning_rate", trial.rate * setting.factor},
                      {"loss", trial.loss},
                      {"smoothed_loss", trial.smoothed}});
  }
  nlohmann::json root = {{"trials", trials},
                         {"end", name_of(found.end)},
                         {"suggestion", nullptr},
                         {"reason", found.reason},
                         {"note", found.note}};
  if (found.suggestion) {
    root["suggestion"] = {{"steepest", found.suggestion->steepest * setting.factor},
                          {"tenth_of_lowest", found.suggestion->tenth_of_lowest * setting.factor},
                          {"lowest", found.suggestion->lowest * setting.factor}};
  }
  return root;
}

Picture rate_picture(const RateSearch& found, const RateSetting& setting) {
  LinePlot plot{.title = "Learning-rate range test: " + setting.config,
                .x = {.label = "optimizer.learning_rate", .scale = AxisScale::kLog},
                .y = {.label = "loss of the next step"}};
  PlotLine raw{.name = "each step", .colour = plot_colour(0), .style = PlotStyle::kFaint};
  PlotLine smooth{.name = "smoothed", .colour = plot_colour(0)};
  for (const RateTrial& trial : found.trials) {
    raw.points.push_back({trial.rate * setting.factor, trial.loss});
    smooth.points.push_back({trial.rate * setting.factor, trial.smoothed});
  }
  plot.lines = {raw, smooth};
  if (!found.suggestion) {
    plot.notes = {found.reason};
    return line_plot(plot);
  }
  const RateSuggestion& s = *found.suggestion;
  plot.marks = {{.text = setting_text(s.steepest, setting) + ": steepest descent",
                 .x = s.steepest * setting.factor,
                 .colour = plot_colour(1)},
                {.text = setting_text(s.tenth_of_lowest, setting) + ": a tenth of the lowest's",
                 .x = s.tenth_of_lowest * setting.factor,
                 .colour = plot_colour(2)}};
  plot.notes = {
      "Steepest descent: for constant, step and cosine. A tenth of the rate with the "
      "lowest loss: for the top of onecycle."};
  // The fall is what counts; the flight at the end may leave the picture.
  const double fall = first_loss(found) - lowest_loss(found);
  double lowest = lowest_loss(found);
  double highest = first_loss(found);
  for (const RateTrial& trial : found.trials) {
    lowest = std::min(lowest, trial.loss);
    if (trial.rate <= s.lowest) highest = std::max(highest, trial.loss);
  }
  plot.y.low = lowest - 0.05 * fall;
  plot.y.high = std::max(highest + 0.05 * fall, first_loss(found) + kAboveFall * fall);
  return line_plot(plot);
}

}  // namespace catamaran
