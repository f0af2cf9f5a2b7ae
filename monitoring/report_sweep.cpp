// The section of the report about a sweep: runs whose folders say which point they are, as a table,
// as parallel coordinates and as a scatter of any two of their numbers.
#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <optional>

#include "monitoring/chart_points.h"
#include "monitoring/html_text.h"
#include "monitoring/report_parts.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostPoints = 2000;  // rows
constexpr size_t kMostParallelLines = 300;
constexpr size_t kLeastPoints = 2;

// A value of a point: a number where it is one, a TOML text too; else words.
struct PointValue {
  std::optional<double> number;
  std::string words;
};

PointValue value_of_point(const RecordedRun& run, const std::string& key) {
  for (const auto& [name, value] : run.point->values) {
    if (name != key) continue;
    if (value.is_number()) return {value.get<double>(), compact(value.get<double>())};
    std::string words = value.is_string() ? value.get<std::string>() : value.dump();
    double number = 0;
    const auto [end, failure] = std::from_chars(words.data(), words.data() + words.size(), number);
    if (failure == std::errc() && end == words.data() + words.size()) return {number, words};
    if (words.size() > 1 && words.front() == '"' && words.back() == '"')
      words = words.substr(1, words.size() - 2);
    return {std::nullopt, words};
  }
  return {};
}

std::vector<size_t> points_of(const ReportData& report) {
  std::vector<size_t> points;
  for (size_t run = 0; run < report.runs.size(); ++run) {
    if (report.runs[run].point) points.push_back(run);
  }
  std::ranges::stable_sort(points, {}, [&](size_t run) { return report.runs[run].point->index; });
  return points;
}

std::vector<std::string> keys_of(const ReportData& report, const std::vector<size_t>& points) {
  std::vector<std::string> keys;
  for (const size_t run : points) {
    for (const auto& [key, value] : report.runs[run].point->values) {
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

// An axis of numbers; words get places, in the order of their names.
json axis_of(const std::string& label, const std::vector<PointValue>& values) {
  const bool numbers = std::ranges::all_of(
      values, [](const PointValue& v) { return v.number.has_value() || v.words.empty(); });
  std::map<std::string, double> places;
  for (const PointValue& value : values) places.emplace(value.words, 0);
  double next = 0;
  json ticks = json::array();
  for (auto& [words, place] : places) {
    place = next++;
    ticks.push_back({{"at", place}, {"text", words.empty() ? "–" : words}});
  }
  json list = json::array();
  bool spread = numbers;  // positive, and over more than a decade: a logarithmic axis reads better
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const PointValue& value : values) {
    if (!numbers) {
      list.push_back(places[value.words]);
      continue;
    }
    list.push_back(value.number ? short_number(*value.number, 9) : json());
    if (!value.number) continue;
    spread = spread && *value.number > 0;
    low = std::min(low, *value.number);
    high = std::max(high, *value.number);
  }
  json axis = {{"label", label}, {"values", list}, {"log", spread && high > 12 * low}};
  if (!numbers) axis["ticks"] = ticks;
  return axis;
}

std::vector<PointValue> results_of(const ReportData& report, const std::vector<size_t>& points,
                                   const std::function<std::optional<double>(size_t)>& number) {
  std::vector<PointValue> values;
  for (const size_t run : points) {
    const std::optional<double> value = number(run);
    values.push_back({value, value ? compact(*value) : ""});
  }
  return values;
}

json axes_of(const ReportData& report, const std::vector<size_t>& points,
             const std::vector<std::string>& keys) {
  json axes = json::array();
  for (const std::string& key : keys) {
    std::vector<PointValue> values;
    for (const size_t run : points) values.push_back(value_of_point(report.runs[run], key));
    axes.push_back(axis_of(key, values));
  }
  const auto add = [&](const char* label, std::optional<double> RunSummary::*member, double scale) {
    axes.push_back(axis_of(label, results_of(report, points, [&](size_t run) {
                             const auto& value = report.summaries[run].*member;
                             return value ? std::optional(scale * *value) : std::nullopt;
                           })));
  };
  add("throughput, img/s", &RunSummary::median_images_per_second, 1);
  add("final loss", &RunSummary::final_loss, 1);
  add("best mAP, %", &RunSummary::best_map, 100);
  return axes;
}

std::string point_table(const ReportData& report, const std::vector<size_t>& points,
                        const std::vector<std::string>& keys) {
  std::string head = "<tr><th>point</th><th>state</th>";
  for (const std::string& key : keys) head += "<th>" + html_escape(key) + "</th>";
  head +=
      "<th>best mAP, %</th><th>at epoch</th><th>final loss</th><th>img/s</th><th>time in "
      "steps</th><th>reason</th></tr>";
  std::optional<double> highest;
  for (const size_t run : points) highest = std::max(highest, report.summaries[run].best_map);
  std::string rows;
  for (size_t i = 0; i < std::min(points.size(), kMostPoints); ++i) {
    const size_t run = points[i];
    const RunSummary& s = report.summaries[run];
    rows += "<tr data-point=\"" + std::to_string(i) + "\">" +
            text_cell(report.runs[run].point->id, "key") +
            text_cell(phase_name(report.statuses[run].phase));
    for (const std::string& key : keys) {
      const PointValue value = value_of_point(report.runs[run], key);
      rows += value.number ? number_cell(*value.number, value.words) : text_cell(value.words);
    }
    rows += number_cell(s.best_map, 2, 100, s.best_map && s.best_map == highest) +
            number_cell(s.best_epoch, 0) + number_cell(s.final_loss, 4) +
            number_cell(s.median_images_per_second, 1) +
            number_cell(s.seconds, format_duration(s.seconds)) +
            text_cell(report.statuses[run].reason, "words") + "</tr>\n";
  }
  return table(head, rows, "point");
}

}  // namespace

std::string sweep_section(const ReportData& report, ChartList& charts) {
  const std::vector<size_t> points = points_of(report);
  if (points.size() < kLeastPoints) return "";
  const std::vector<std::string> keys = keys_of(report, points);
  std::map<std::string, int64_t> states;
  for (const size_t run : points) ++states[phase_name(report.statuses[run].phase)];
  std::string counts;
  for (const auto& [state, count] : states)
    counts += (counts.empty() ? "" : ", ") + grouped(count) + " " + state;
  std::vector<size_t> drawn;  // those that tell something
  for (const size_t run : points) {
    if (report.summaries[run].best_map && drawn.size() < kMostParallelLines) drawn.push_back(run);
  }
  std::string html = text("<p>%zu points: ", points.size()) + html_escape(counts) + ".</p>\n";
  if (drawn.size() >= kLeastPoints) {
    json names = json::array(), rows = json::array();  // places in the table
    for (const size_t run : drawn) {
      names.push_back(report.runs[run].point->id);
      rows.push_back(std::ranges::find(points, run) - points.begin());
    }
    const json axes = axes_of(report, drawn, keys);
    html +=
        "<p>A line is a point, coloured by its best mAP. Drag over an axis to see only those that "
        "pass there; double-click to see all again.</p>\n";
    html += charts.add({{"kind", "parallel"},
                        {"title", "Points"},
                        {"names", names},
                        {"rows", rows},
                        {"axes", axes}},
                       420, /*wide=*/true);
    html += charts.add(
        {{"kind", "scatter"}, {"title", "Two of their numbers"}, {"names", names}, {"axes", axes}},
        400, /*wide=*/true);
  }
  return section("sweep", "Sweep", html + point_table(report, points, keys));
}

}  // namespace catamaran
