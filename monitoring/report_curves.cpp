// The section of the report with everything that is drawn over steps or epochs.
#include <algorithm>
#include <cmath>

#include "monitoring/chart_points.h"
#include "monitoring/html_text.h"
#include "monitoring/report_parts.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostPointsOfALine = 1500;
constexpr size_t kMostPointsOfAChart = 8000;
constexpr size_t kMostMarks = 60;

using Value = double (*)(const RecordedStep&);

size_t points_of_a_line(size_t runs) {
  return std::clamp(kMostPointsOfAChart / std::max<size_t>(1, runs), size_t{100},
                    kMostPointsOfALine);
}

// style: plain, faint (raw values behind a smoothed line), marked (a dot per point).
json line_of(const std::string& name, size_t run, const char* style, const std::vector<double>& x,
             const std::vector<double>& y, size_t most) {
  std::vector<double> few_x, few_y;
  for (const size_t i : thinned(y, most)) {
    few_x.push_back(x[i]);
    few_y.push_back(y[i]);
  }
  return {{"name", name},
          {"colour", run},
          {"style", style},
          {"x", short_numbers(few_x, 9)},
          {"y", short_numbers(few_y)}};
}

// Restarts, as lines across the chart; where several runs are drawn they would only confuse.
json marks_of(const ReportData& report) {
  json marks = json::array();
  if (!is_alone(report) || !report.runs.front().manifest.is_object()) return marks;
  const json lives = report.runs.front().manifest.value("lives", json::array());
  int64_t start = 0;
  for (const json& life : lives) {
    ++start;
    if (!life.is_object() || start == 1 || marks.size() == kMostMarks) continue;
    const json first = life.value("first_step", json());
    if (first.is_number_integer())
      marks.push_back({{"x", first}, {"text", "start " + std::to_string(start)}});
  }
  return marks;
}

// Steps that were skipped, as points on the line.
json skipped_line(const RecordedRun& run, Value value) {
  json x = json::array(), y = json::array();
  for (const RecordedStep& step : run.steps) {
    if (step.applied || x.size() == 500) continue;
    x.push_back(step.step);
    y.push_back(short_number(value(step)));
  }
  return {{"name", "skipped"}, {"colour", 1}, {"style", "crosses"}, {"x", x}, {"y", y}};
}

struct StepChart {
  const char* title;
  const char* unit;
  Value value;
  bool smooth;
  bool from_zero;
  bool may_be_log;
};

json step_chart(const ReportData& report, const StepChart& chart) {
  json lines = json::array();
  const std::vector<size_t> runs = drawn_runs(report, kMostCurves);
  const size_t most = points_of_a_line(runs.size());
  std::vector<json> clear;
  for (const size_t run : runs) {
    std::vector<double> x, y;
    for (const RecordedStep& step : report.runs[run].steps) {
      x.push_back(static_cast<double>(step.step));
      y.push_back(chart.value(step));
    }
    if (std::ranges::none_of(y, [](double v) { return std::isfinite(v); })) continue;
    const std::string& name = report.names[run];
    if (chart.smooth) lines.push_back(line_of(name, run, "faint", x, y, most));
    clear.push_back(line_of(name, run, "plain", x, chart.smooth ? smoothed(y) : y, most));
  }
  for (json& line : clear) lines.push_back(std::move(line));  // over all faint ones
  if (is_alone(report) && report.summaries.front().skipped_steps > 0)
    lines.push_back(skipped_line(report.runs.front(), chart.value));
  return {
      {"kind", "lines"}, {"title", chart.title},     {"unit", chart.unit},      {"x", "step"},
      {"y", chart.unit}, {"zero", chart.from_zero},  {"log", chart.may_be_log}, {"group", "step"},
      {"lines", lines},  {"marks", marks_of(report)}};
}

json map_chart(const ReportData& report) {
  json lines = json::array();
  for (const size_t run : drawn_runs(report, kMostCurves)) {
    std::vector<double> x, y;
    for (const RecordedEvaluation& evaluation : report.runs[run].evaluations) {
      x.push_back(evaluation.epoch);
      y.push_back(100 * evaluation.map);
    }
    if (!y.empty())
      lines.push_back(line_of(report.names[run], run, "marked", x, y, kMostPointsOfALine));
  }
  json levels = json::array();
  if (is_alone(report) && report.verdicts.front().paper && report.verdicts.front().paper->map)
    levels.push_back({{"y", short_number(100 * *report.verdicts.front().paper->map)},
                      {"text", "the paper's " + report.verdicts.front().paper->name}});
  return {{"kind", "lines"}, {"title", "mAP"}, {"unit", "%"},     {"x", "epoch"},
          {"y", "%"},        {"lines", lines}, {"levels", levels}};
}

}  // namespace

std::string curves_section(const ReportData& report, ChartList& charts) {
  constexpr StepChart kLoss{"Loss", "",    [](const RecordedStep& s) { return s.loss; },
                            true,   false, true};
  constexpr StepChart kOthers[] = {
      {"Learning rate", "", [](const RecordedStep& s) { return s.learning_rate; }, false, true,
       true},
      {"Throughput", "img/s", [](const RecordedStep& s) { return s.images_per_second(); }, true,
       true, false},
      {"Gradient norm", "before clipping", [](const RecordedStep& s) { return s.gradient_norm; },
       true, true, true},
      {"Data wait", "% of a step", [](const RecordedStep& s) { return 100 * s.data_wait_ratio(); },
       true, true, false},
  };
  if (std::ranges::all_of(report.runs, [](const RecordedRun& run) {
        return run.steps.empty() && run.evaluations.empty();
      }))
    return "";
  std::string html =
      "<p>Drag to zoom, double-click to go back; charts over steps zoom together.</p>\n" +
      legend(report) + left_out_note(report, kMostCurves) + "<div class=\"charts\">\n";
  html += charts.add(step_chart(report, kLoss));  // one after the other: their order is the page's
  html += charts.add(map_chart(report));
  for (const StepChart& chart : kOthers) html += charts.add(step_chart(report, chart));
  return section("curves", "Curves", html + "</div>\n");
}

}  // namespace catamaran
