#include "monitoring/report_sections.h"

#include <algorithm>
#include <cmath>

#include "monitoring/html_text.h"
#include "monitoring/svg_bars.h"
#include "monitoring/svg_chart.h"
#include "support/progress.h"

namespace catamaran {
namespace {

std::string tile(const std::string& value, const std::string& unit, const std::string& meaning) {
  return "<div class=\"tile\"><div class=\"value\">" + html_escape(value) +
         (unit.empty() ? "" : "<span class=\"unit\"> " + html_escape(unit) + "</span>") +
         "</div><div class=\"meaning\">" + html_escape(meaning) + "</div></div>\n";
}

std::string or_dash(const std::optional<double>& value, int decimals, double scale = 1) {
  return value ? fixed(scale * *value, decimals) : "–";
}

std::string best_meaning(const RunSummary& summary) {
  return summary.best_epoch ? "best mAP, epoch " + compact(*summary.best_epoch) : "best mAP";
}

std::string tiles(const RunSummary& summary) {
  std::string html = "<div class=\"tiles\">\n";
  html += tile(or_dash(summary.best_map, 2, 100), "%", best_meaning(summary));
  html += tile(or_dash(summary.final_map, 2, 100), "%", "final mAP");
  html += tile(or_dash(summary.final_loss, 4), "", "final loss, smoothed");
  html += tile(or_dash(summary.median_images_per_second, 1), "img/s", "median throughput");
  html += tile(or_dash(summary.data_wait_ratio, 2, 100), "%", "of step time waiting for data");
  html += tile(grouped(summary.steps), "", "steps in " + grouped(summary.epochs) + " epochs");
  html += tile(format_duration(summary.seconds), "", "time in steps");
  if (summary.skipped_steps > 0)
    html += tile(grouped(summary.skipped_steps), "", "logged steps skipped: not finite, or spikes");
  return html + "</div>\n";
}

std::string cell(const std::string& content, bool best = false) {
  return std::string("<td") + (best ? " class=\"best\"" : "") + ">" + html_escape(content) +
         "</td>";
}

std::string run_cell(const ReportData& report, size_t run) {
  return "<th scope=\"row\"><span class=\"swatch " + colour_class(run) + "\"></span>" +
         html_escape(report.names[run]) + "</th>";
}

// Whether no other run has a higher value.
bool is_best(const ReportData& report, size_t run, std::optional<double> RunSummary::*value) {
  const auto& own = report.summaries[run].*value;
  return own && std::none_of(
                    report.summaries.begin(), report.summaries.end(),
                    [&](const RunSummary& other) { return (other.*value).value_or(*own) > *own; });
}

std::string comparison(const ReportData& report) {
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th></th><th>best mAP<br><small>%</small></th>"
      "<th>at epoch</th><th>final mAP<br><small>%</small></th><th>final loss<br><small>smoothed"
      "</small></th><th>throughput<br><small>img/s, median</small></th><th>data wait<br><small>% "
      "of "
      "step</small></th><th>steps</th><th>time in steps</th><th>skipped<br><small>not finite, "
      "spikes"
      "</small></th></tr></thead><tbody>\n";
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const RunSummary& s = report.summaries[run];
    html += "<tr>" + run_cell(report, run) +
            cell(or_dash(s.best_map, 2, 100), is_best(report, run, &RunSummary::best_map)) +
            cell(s.best_epoch ? compact(*s.best_epoch) : "–") +
            cell(or_dash(s.final_map, 2, 100), is_best(report, run, &RunSummary::final_map)) +
            cell(or_dash(s.final_loss, 4)) +
            cell(or_dash(s.median_images_per_second, 1),
                 is_best(report, run, &RunSummary::median_images_per_second)) +
            cell(or_dash(s.data_wait_ratio, 2, 100)) + cell(grouped(s.steps)) +
            cell(format_duration(s.seconds)) + cell(grouped(s.skipped_steps)) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

using Value = double (*)(const StepReport&);

// A curve over the logged steps: raw values pale, their running mean on top.
std::string step_curve(const ReportData& report, LineChart chart, Value value, bool smooth) {
  chart.x_label = "step";
  for (size_t run = 0; run < report.runs.size(); ++run) {
    std::vector<double> raw;
    for (const StepReport& step : report.runs[run].steps) raw.push_back(value(step));
    const std::vector<double> line = smooth ? smoothed(raw) : raw;
    ChartLine pale{report.names[run], run, LineStyle::kFaint, {}};
    ChartLine clear{report.names[run], run, LineStyle::kPlain, {}};
    for (size_t i = 0; i < raw.size(); ++i) {
      const auto step = static_cast<double>(report.runs[run].steps[i].step);
      pale.points.push_back({step, raw[i]});
      clear.points.push_back({step, line[i]});
    }
    if (smooth) chart.lines.insert(chart.lines.begin(), std::move(pale));  // behind all clear ones
    chart.lines.push_back(std::move(clear));
  }
  return line_chart(chart);
}

std::string map_curve(const ReportData& report) {
  LineChart chart{"mAP", "epoch", "%", false, false, {}};
  for (size_t run = 0; run < report.runs.size(); ++run) {
    ChartLine line{report.names[run], run, LineStyle::kMarked, {}};
    for (const RecordedEvaluation& evaluation : report.runs[run].evaluations)
      line.points.push_back({evaluation.epoch, 100 * evaluation.map});
    chart.lines.push_back(std::move(line));
  }
  return line_chart(chart);
}

std::string f_cells(const FMeasures& f) {
  std::string html;
  for (const double value : {f.op, f.orr, f.of1, f.cp, f.cr, f.cf1})
    html += cell(fixed(100 * value, 1));
  return html;
}

std::string f_table(const ReportData& report) {
  const std::string six = "<th>OP</th><th>OR</th><th>OF1</th><th>CP</th><th>CR</th><th>CF1</th>";
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th rowspan=\"2\"></th><th rowspan=\"2\">evaluation"
      "</th><th rowspan=\"2\">protocol</th><th rowspan=\"2\">images</th><th rowspan=\"2\">mAP</th>"
      "<th colspan=\"6\">all labels</th><th colspan=\"6\">top-3</th></tr><tr>" +
      six + six + "</tr></thead><tbody>\n";
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const RecordedEvaluation* best = report.runs[run].best();
    if (best == nullptr) continue;
    const std::string weights = best->weights.empty() ? "" : " (" + best->weights + ")";
    html += "<tr>" + run_cell(report, run) + cell(best->name + weights) + cell(best->protocol) +
            cell(grouped(best->images)) + cell(percent(best->map)) + f_cells(best->all) +
            f_cells(best->top3) + "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

// Highest first, by the first run that has the class.
std::vector<BarGroup> ap_by_class(const std::vector<const RecordedEvaluation*>& evaluations) {
  std::vector<BarGroup> groups;
  for (size_t run = 0; run < evaluations.size(); ++run) {
    for (const auto& [label, ap] : evaluations[run]->ap) {
      auto group = std::find_if(groups.begin(), groups.end(),
                                [&name = label](const BarGroup& g) { return g.label == name; });
      if (group == groups.end()) {
        groups.push_back({label, std::vector<std::optional<double>>(evaluations.size())});
        group = groups.end() - 1;
      }
      group->ratios[run] = ap;
    }
  }
  const auto value = [](const BarGroup& group) {
    const auto known = std::find_if(group.ratios.begin(), group.ratios.end(),
                                    [](const auto& ratio) { return ratio.has_value(); });
    return known == group.ratios.end() ? -1 : **known;
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const BarGroup& a, const BarGroup& b) { return value(a) > value(b); });
  return groups;
}

}  // namespace

std::string legend(const ReportData& report) {
  if (report.runs.size() < 2) return "";
  std::string html = "<ul class=\"legend\">";
  for (size_t run = 0; run < report.runs.size(); ++run) {
    html += "<li><span class=\"swatch " + colour_class(run) + "\"></span>" +
            html_escape(report.names[run]) + "</li>";
  }
  return html + "</ul>\n";
}

std::string summary_section(const ReportData& report) {
  return "<section>\n" +
         (report.runs.size() == 1 ? tiles(report.summaries.front()) : comparison(report)) +
         "</section>\n";
}

std::string curves_section(const ReportData& report) {
  const auto percent_chart = [](const char* title) {
    return LineChart{title, "", "%", true, false, {}};
  };
  return "<section><h2>Curves</h2>\n" + legend(report) + "<div class=\"charts\">\n" +
         step_curve(
             report, {"Loss", "", "", false, true, {}}, [](const StepReport& s) { return s.loss; },
             true) +
         map_curve(report) +
         step_curve(
             report, {"Learning rate", "", "", true, false, {}},
             [](const StepReport& s) { return s.learning_rate; }, false) +
         step_curve(
             report, {"Throughput", "", "img/s", true, false, {}},
             [](const StepReport& s) { return s.images_per_second(); }, true) +
         step_curve(
             report, {"Gradient norm", "", "before clipping", true, false, {}},
             [](const StepReport& s) { return s.gradient_norm; }, true) +
         step_curve(
             report, percent_chart("Data wait"),
             [](const StepReport& s) { return 100 * s.data_wait_ratio(); }, true) +
         "</div></section>\n";
}

std::string accuracy_section(const ReportData& report) {
  std::vector<const RecordedEvaluation*> evaluations;
  std::vector<BarRun> evaluated;
  for (size_t run = 0; run < report.runs.size(); ++run) {
    if (const RecordedEvaluation* best = report.runs[run].best()) {
      evaluations.push_back(best);
      evaluated.push_back({report.names[run], run});
    }
  }
  if (evaluations.empty()) return "";
  return "<section><h2>Accuracy</h2>\n<p>Each run's evaluation of the highest mAP, in "
         "percent.</p>\n" +
         f_table(report) + "<h3>Average precision by class</h3>\n" + legend(report) +
         "<div class=\"columns\">" + grouped_bars(evaluated, ap_by_class(evaluations)) +
         "</div></section>\n";
}

std::string step_section(const ReportData& report) {
  std::vector<StackedBar> bars;
  std::string rows;
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const RunSummary& summary = report.summaries[run];
    if (summary.logged_steps == 0) continue;
    StackedBar bar{report.names[run], {}};
    double whole = 0;
    std::string cells;
    for (const double seconds : summary.part_seconds) {
      bar.parts.push_back(1e3 * seconds);
      whole += seconds;
      cells += cell(fixed(1e3 * seconds, 1));
    }
    rows += "<tr>" + run_cell(report, run) + cells + cell(fixed(1e3 * whole, 1)) + "</tr>\n";
    bars.push_back(std::move(bar));
  }
  if (bars.empty()) return "";
  const std::vector<std::string> parts(kStepParts.begin(), kStepParts.end());
  std::string head;
  for (const std::string& part : parts) head += "<th>" + part + "</th>";
  return "<section><h2>A step</h2>\n<p>What its time goes into, mean over ranks and logged steps. "
         "Exchange is the part of the all-reduce that the backward pass does not hide.</p>\n" +
         stacked_bars(parts, bars, "ms") +
         "<div class=\"scroll\"><table><thead><tr><th><small>milliseconds</small></th>" + head +
         "<th>step</th></tr></thead><tbody>\n" + rows + "</tbody></table></div></section>\n";
}

}  // namespace catamaran
