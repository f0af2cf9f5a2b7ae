// The sections of the report about accuracy: F-measures, average precision by class,
// precision-recall, and what goes wrong together.
#include <algorithm>
#include <map>
#include <set>

#include "monitoring/chart_points.h"
#include "monitoring/html_text.h"
#include "monitoring/report_parts.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostClassRows = 1000;
constexpr size_t kMostCurveRuns = 6;       // with curves by class
constexpr size_t kMostCurveClasses = 400;  // offered for choice
constexpr size_t kMostConfusedClasses = 24;
constexpr size_t kMostPairRows = 40;

std::string f_cells(const FMeasures& f) {
  std::string html;
  for (const double value : {f.op, f.orr, f.of1, f.cp, f.cr, f.cf1})
    html += number_cell(value, fixed(100 * value, 1));
  return html;
}

std::string f_table(const ReportData& report) {
  const std::string six = "<th>OP</th><th>OR</th><th>OF1</th><th>CP</th><th>CR</th><th>CF1</th>";
  const std::string head =
      "<tr><th rowspan=\"2\">run</th><th rowspan=\"2\">evaluation</th><th "
      "rowspan=\"2\">protocol</th>"
      "<th rowspan=\"2\">images</th><th rowspan=\"2\">mAP</th><th colspan=\"6\">all labels</th>"
      "<th colspan=\"6\">top-3</th></tr><tr>" +
      six + six + "</tr>";
  std::string rows;
  for (const size_t run : drawn_runs(report, kMostCurves)) {
    const RecordedEvaluation* best = report.runs[run].best();
    if (best == nullptr) continue;
    const std::string weights = best->weights.empty() ? "" : " (" + best->weights + ")";
    rows += "<tr>" + run_cell(report, run) + text_cell(best->name + weights) +
            text_cell(best->protocol) + count_cell(best->images) +
            number_cell(best->map, percent(best->map)) + f_cells(best->all) + f_cells(best->top3) +
            "</tr>\n";
  }
  return table(head, rows);
}

// A class of the table, with a value per shown run.
struct ClassRow {
  std::string label;
  std::vector<std::optional<double>> ap;
};

// Highest first, by the first run that has the class.
std::vector<ClassRow> class_rows(const ReportData& report, const std::vector<size_t>& runs) {
  std::vector<ClassRow> rows;
  std::map<std::string, size_t> place;
  for (size_t column = 0; column < runs.size(); ++column) {
    for (const auto& [label, ap] : report.runs[runs[column]].best()->ap) {
      const auto [found, is_new] = place.try_emplace(label, rows.size());
      if (is_new) rows.push_back({label, std::vector<std::optional<double>>(runs.size())});
      rows[found->second].ap[column] = ap;
    }
  }
  std::ranges::stable_sort(rows, std::ranges::greater(), [](const ClassRow& row) {
    const auto known = std::ranges::find_if(row.ap, [](const auto& ap) { return ap.has_value(); });
    return known == row.ap.end() ? -1 : **known;
  });
  return rows;
}

std::vector<size_t> evaluated_runs(const ReportData& report, size_t most) {
  std::vector<size_t> runs;
  for (const size_t run : drawn_runs(report, most)) {
    if (report.runs[run].best() != nullptr) runs.push_back(run);
  }
  return runs;
}

// Of one run, where it left curves: positives, precision and recall at the threshold.
std::string outcome_cells(const RecordedCurves& curves, const std::string& label) {
  const auto found = std::ranges::find(curves.classes, label);
  if (found == curves.classes.end()) return "<td></td><td></td><td></td>";
  const ClassOutcomes& o = curves.outcomes[static_cast<size_t>(found - curves.classes.begin())];
  const auto ratio = [](int64_t part, int64_t whole) {
    return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole))
                     : std::nullopt;
  };
  return count_cell(o.true_positives + o.false_negatives) +
         number_cell(ratio(o.true_positives, o.true_positives + o.false_positives), 1, 100) +
         number_cell(ratio(o.true_positives, o.true_positives + o.false_negatives), 1, 100);
}

std::string ap_table(const ReportData& report) {
  const std::vector<size_t> runs = evaluated_runs(report, kMostRunColumns);
  if (runs.empty()) return "";
  const bool with_outcomes = runs.size() == 1 && report.runs[runs.front()].curves.has_value();
  std::string head = "<tr><th>class</th>";
  for (const size_t run : runs)
    head += "<th>" + (runs.size() == 1 ? std::string("AP, %") : html_escape(report.names[run])) +
            "</th>";
  if (runs.size() > 1) head += "<th>spread</th>";
  if (with_outcomes) head += "<th>positives</th><th>precision, %</th><th>recall, %</th>";
  std::vector<ClassRow> classes = class_rows(report, runs);
  const size_t all = classes.size();
  classes.resize(std::min(all, kMostClassRows));
  std::string rows;
  for (const ClassRow& row : classes) {
    rows += "<tr>" + text_cell(row.label);
    double low = 1, high = 0;
    for (const std::optional<double>& ap : row.ap) {
      rows += ap ? bar_cell(*ap, *ap, fixed(100 * *ap, 1))
                 : "<td data-v=\"\" class=\"bar\">no positives</td>";
      if (ap) low = std::min(low, *ap), high = std::max(high, *ap);
    }
    if (runs.size() > 1)
      rows += number_cell(high >= low ? high - low : 0,
                          high >= low ? fixed(100 * (high - low), 1) : "–");
    if (with_outcomes) rows += outcome_cells(*report.runs[runs.front()].curves, row.label);
    rows += "</tr>\n";
  }
  const std::string note =
      all > kMostClassRows
          ? text("<p>The %zu of the highest average precision among %zu classes.</p>\n",
                 kMostClassRows, all)
          : "";
  return "<h3>Average precision by class</h3>\n" + note + table(head + "</tr>", rows, "class");
}

json curve_json(const RecordedCurve& curve) {
  return {{"recall", short_numbers(curve.recall, 4)},
          {"precision", short_numbers(curve.precision, 4)},
          {"threshold", short_numbers(curve.threshold, 4)},
          {"positives", curve.positives}};
}

// Curves of all labels together, and of the class that a reader chooses.
std::string precision_recall(const ReportData& report, ChartList& charts) {
  json runs = json::array(), classes = json::array();
  std::set<std::string> offered;
  for (const size_t run : evaluated_runs(report, kMostCurveRuns)) {
    const auto& curves = report.runs[run].curves;
    if (!curves) continue;
    json by_class = json::object();
    for (size_t c = 0; c < std::min(curves->by_class.size(), kMostCurveClasses); ++c) {
      if (curves->by_class[c].positives == 0) continue;
      by_class[curves->classes[c]] = curve_json(curves->by_class[c]);
      if (offered.insert(curves->classes[c]).second) classes.push_back(curves->classes[c]);
    }
    runs.push_back({{"name", report.names[run]},
                    {"colour", run},
                    {"evaluation", curves->evaluation},
                    {"pooled", curves->pooled ? curve_json(*curves->pooled) : json()},
                    {"by_class", by_class}});
  }
  if (runs.empty()) return "";
  return "<h3>Precision and recall</h3>\n<p>Points of the curve itself, at every fiftieth of "
         "recall; "
         "all labels: every cell of the table of images and labels is a decision.</p>\n" +
         charts.add({{"kind", "precision-recall"},
                     {"title", "Precision over recall"},
                     {"classes", classes},
                     {"runs", runs}},
                    380, /*wide=*/true);
}

// "cow in place of sheep" has the shares of the pairs among the most confused classes.
json pair_chart(const RecordedCurves& curves, const std::vector<ConfusedPair>& pairs,
                const char* title, const char* x, const char* y) {
  std::vector<int64_t> weight(curves.classes.size(), 0);
  for (const ConfusedPair& pair : pairs) {
    weight[static_cast<size_t>(pair.first)] += pair.images;
    weight[static_cast<size_t>(pair.second)] += pair.images;
  }
  std::vector<size_t> order;
  for (size_t c = 0; c < weight.size(); ++c) {
    if (weight[c] > 0) order.push_back(c);
  }
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t c) { return weight[c]; });
  order.resize(std::min(order.size(), kMostConfusedClasses));
  std::map<int64_t, size_t> place;
  json labels = json::array();
  for (const size_t c : order) {
    place.emplace(static_cast<int64_t>(c), place.size());
    labels.push_back(curves.classes[c]);
  }
  const json row(order.size(), json());
  json shares(order.size(), row), words(order.size(), row);
  for (const ConfusedPair& pair : pairs) {
    const auto first = place.find(pair.first), second = place.find(pair.second);
    if (first == place.end() || second == place.end()) continue;
    const double share =
        pair.of > 0 ? static_cast<double>(pair.images) / static_cast<double>(pair.of) : 0;
    shares[first->second][second->second] = short_number(100 * share, 3);
    words[first->second][second->second] =
        std::to_string(pair.images) + " of " + std::to_string(pair.of) + " images";
  }
  return {{"kind", "heat"}, {"title", title}, {"unit", "%"}, {"x", labels},   {"y", labels},
          {"x_label", x},   {"y_label", y},   {"z", shares}, {"words", words}};
}

std::string pair_table(const RecordedCurves& curves, const std::vector<ConfusedPair>& pairs,
                       const char* first, const char* second) {
  std::string rows;
  for (size_t i = 0; i < std::min(pairs.size(), kMostPairRows); ++i) {
    const ConfusedPair& pair = pairs[i];
    const double share =
        pair.of > 0 ? static_cast<double>(pair.images) / static_cast<double>(pair.of) : 0;
    rows += "<tr>" + text_cell(curves.classes[static_cast<size_t>(pair.first)]) +
            text_cell(curves.classes[static_cast<size_t>(pair.second)]) + count_cell(pair.images) +
            count_cell(pair.of) + bar_cell(share, share, fixed(100 * share, 1)) + "</tr>\n";
  }
  return table("<tr><th>" + std::string(first) + "</th><th>" + second +
                   "</th><th>images</th><th>of</th><th>share, %</th></tr>",
               rows, "class");
}

std::string kind_of_pairs(const RecordedCurves& curves, const std::vector<ConfusedPair>& pairs,
                          const char* title, const char* sentence, const char* first,
                          const char* second, ChartList& charts) {
  if (pairs.empty()) return "";
  return "<h3>" + std::string(title) + "</h3>\n<p>" + sentence + "</p>\n<div class=\"charts\">" +
         charts.add(pair_chart(curves, pairs, title, second, first), 420) +
         "<div class=\"pairs\">" + pair_table(curves, pairs, first, second) + "</div></div>\n";
}

}  // namespace

std::string accuracy_section(const ReportData& report, ChartList& charts) {
  if (evaluated_runs(report, kMostCurves).empty()) return "";
  return section("accuracy", "Accuracy",
                 "<p>Each run's evaluation of the highest mAP, in percent.</p>\n" +
                     f_table(report) + ap_table(report) + precision_recall(report, charts));
}

std::string confusions_section(const ReportData& report, ChartList& charts) {
  for (const size_t run : evaluated_runs(report, kMostCurves)) {  // the first that tells
    const auto& curves = report.runs[run].curves;
    if (!curves || (curves->mistaken.empty() && curves->invented.empty() && curves->missed.empty()))
      continue;
    std::string html = "<p>" + html_escape(prefix_of(report, run)) + "evaluation " +
                       html_escape(curves->evaluation) + ", labels present from a probability of " +
                       compact(curves->threshold) + ".</p>\n";
    html += kind_of_pairs(*curves, curves->mistaken, "Mistaken",
                          "Of the images in which a label was missed, those in which another one "
                          "was predicted that is not there.",
                          "missed", "predicted instead", charts);
    html += kind_of_pairs(*curves, curves->invented, "Invented beside",
                          "Of the images that have the one label and not the other, those in which "
                          "the other one was predicted all the same.",
                          "predicted, not there", "is there", charts);
    html += kind_of_pairs(*curves, curves->missed, "Missed beside",
                          "Of the images that have both labels, those in which the first one was "
                          "missed.",
                          "missed", "is there, too", charts);
    return section("confusions", "What goes wrong together", html);
  }
  return "";
}

}  // namespace catamaran
