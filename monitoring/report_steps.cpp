// The section of the report about time: what a step's goes into, and which rank the others wait
// for.
#include <algorithm>
#include <cmath>

#include "monitoring/chart_points.h"
#include "monitoring/html_text.h"
#include "monitoring/report_parts.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostColumns = 240;  // of the map: spans of steps
constexpr size_t kMostRows = 128;     // groups of ranks
constexpr double kSlow = 1.05;        // from which a slowest rank is drawn, over the median
constexpr size_t kMostPoints = 2000;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Seconds of a rank over the median of all, at one step.
std::vector<double> factors_of(const RankTimes& times) {
  const double median = median_of(times.seconds);
  std::vector<double> factors;
  for (const double seconds : times.seconds)
    factors.push_back(median > 0 ? seconds / median : RecordedStep::kNone);
  return factors;
}

// The rows are ranks, or the slowest of neighbouring ones; the columns means over spans of steps.
json straggler_map(const RecordedRun& run) {
  const size_t ranks = run.ranks.back().seconds.size();
  std::vector<const RankTimes*> lines;  // of the newest number of ranks
  for (const RankTimes& times : run.ranks) {
    if (times.seconds.size() == ranks) lines.push_back(&times);
  }
  const size_t columns = std::min(lines.size(), kMostColumns), rows = std::min(ranks, kMostRows);
  std::vector<std::vector<double>> sums(rows, std::vector<double>(columns, 0));
  std::vector<double> counts(columns, 0), steps(columns, 0);
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t column = i * columns / lines.size();
    const std::vector<double> factors = factors_of(*lines[i]);
    std::vector<double> highest(rows, 0);
    for (size_t rank = 0; rank < ranks; ++rank) {
      const size_t row = rank * rows / ranks;
      if (std::isfinite(factors[rank])) highest[row] = std::max(highest[row], factors[rank]);
    }
    for (size_t row = 0; row < rows; ++row) sums[row][column] += highest[row];
    ++counts[column];
    steps[column] = static_cast<double>(lines[i]->step);
  }
  json z = json::array(), labels = json::array();
  for (size_t row = 0; row < rows; ++row) {
    json line = json::array();
    for (size_t column = 0; column < columns; ++column)
      line.push_back(short_number(sums[row][column] / counts[column], 4));
    z.push_back(std::move(line));
    const size_t first = (row * ranks + rows - 1) / rows;
    const size_t last = ((row + 1) * ranks + rows - 1) / rows - 1;
    labels.push_back(first == last ? std::to_string(first)
                                   : std::to_string(first) + "-" + std::to_string(last));
  }
  return {{"kind", "heat"},
          {"title", "Straggler map"},
          {"unit", "own work of a rank over the median rank's"},
          {"x", short_numbers(steps, 9)},
          {"y", labels},
          {"x_label", "step"},
          {"y_label", "rank"},
          {"z", z},
          {"middle", 1},
          {"continuous", true}};
}

// Of a run that has not logged every rank: who was slowest, and by how much.
json slowest_chart(const RecordedRun& run) {
  json x = json::array(), y = json::array(), z = json::array();
  std::vector<double> factors;
  for (const RecordedStep& step : run.steps) factors.push_back(step.slowest_factor);
  for (const size_t i : thinned(factors, kMostPoints)) {
    const RecordedStep& step = run.steps[i];
    if (!(step.slowest_factor > kSlow)) continue;
    x.push_back(step.step);
    y.push_back(step.slowest_rank);
    z.push_back(short_number(step.slowest_factor, 4));
  }
  return {{"kind", "points"},
          {"title", "Slowest rank"},
          {"unit", "own work over the median rank's"},
          {"x", x},
          {"y", y},
          {"z", z},
          {"x_label", "step"},
          {"y_label", "rank"},
          {"group", "step"}};
}

std::string straggler_charts(const ReportData& report, ChartList& charts) {
  std::string html;
  size_t drawn = 0;
  for (size_t run = 0; run < report.runs.size() && drawn < 4; ++run) {
    const RecordedRun& r = report.runs[run];
    json spec;
    if (!r.ranks.empty() && r.ranks.back().seconds.size() > 1) {
      spec = straggler_map(r);
    } else if (std::ranges::any_of(r.steps, [](const RecordedStep& s) {
                 return s.slowest_rank > 0 && s.slowest_factor > kSlow;
               })) {
      spec = slowest_chart(r);
    } else {
      continue;
    }
    ++drawn;
    spec["title"] = prefix_of(report, run) + spec["title"].get<std::string>();
    html += charts.add(std::move(spec), 320, /*wide=*/true);
  }
  return html.empty()
             ? ""
             : "<h3>Ranks</h3>\n<p>A step takes as long as its slowest rank: its own work is "
               "all before it waits for others. Above 1 a rank holds the others up.</p>\n" +
                   html;
}

}  // namespace

std::string steps_section(const ReportData& report, ChartList& charts) {
  json bars = json::array(), parts = json::array();
  std::string rows, head = "<tr><th>milliseconds</th>";
  for (const char* const part : kStepParts) {
    parts.push_back(part);
    head += "<th>" + std::string(part) + "</th>";
  }
  for (const size_t run : drawn_runs(report, kMostCurves)) {
    const RunSummary& summary = report.summaries[run];
    if (summary.logged_steps == 0) continue;
    json values = json::array();
    double whole = 0;
    rows += "<tr>" + run_cell(report, run);
    for (const double seconds : summary.part_seconds) {
      values.push_back(short_number(1e3 * seconds));
      whole += seconds;
      rows += number_cell(seconds, fixed(1e3 * seconds, 1));
    }
    rows += number_cell(whole, fixed(1e3 * whole, 1)) + "</tr>\n";
    bars.push_back({{"name", report.names[run]}, {"values", values}});
  }
  if (bars.empty()) return "";
  const int height = std::clamp(90 + 34 * static_cast<int>(bars.size()), 130, 900);
  std::string html =
      "<p>What its time goes into, mean over ranks and logged steps. Exchange is the part of the "
      "all-reduce that the backward pass does not hide, and waiting for the rank that comes "
      "last.</p>\n";
  html += charts.add({{"kind", "stack"},
                      {"title", "Parts of a step"},
                      {"unit", "ms"},
                      {"parts", parts},
                      {"bars", bars}},
                     height, /*wide=*/true);
  html += table(head + "<th>step</th></tr>", rows);
  html += straggler_charts(report, charts);
  return section("steps", "A step", html);
}

}  // namespace catamaran
