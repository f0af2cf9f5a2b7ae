// The sections of the report that say what the runs reached: verdict, figures, the paper beside
// them.
#include <algorithm>
#include <array>

#include "monitoring/html_text.h"
#include "monitoring/report_parts.h"
#include "support/progress.h"

namespace catamaran {
namespace {

constexpr size_t kMostCards = 4;  // verdicts with room of their own

struct TrustWords {
  const char* css_class;
  const char* badge;
  const char* mark;
};

TrustWords words_of(Trust trust) {
  switch (trust) {
    case Trust::kGood:
      return {"good", "Trustworthy", "✓"};
    case Trust::kCaution:
      return {"caution", "With reservations", "!"};
    default:
      return {"bad", "Not to be quoted", "✕"};
  }
}

std::string badge(Trust trust) {
  const TrustWords words = words_of(trust);
  return "<span class=\"badge " + std::string(words.css_class) + "\">" + words.badge + "</span>";
}

std::string findings_list(const RunVerdict& verdict) {
  std::string html = "<ul class=\"findings\">\n";
  for (const RunFinding& finding : verdict.findings) {
    const TrustWords words = words_of(finding.level);
    html += "<li class=\"" + std::string(words.css_class) +
            "\"><span class=\"mark\" aria-hidden=\"true\">" + words.mark + "</span>" +
            html_escape(finding.text) + "</li>\n";
  }
  return html + "</ul>\n";
}

std::string verdict_of(const ReportData& report, size_t run) {
  const RunVerdict& verdict = report.verdicts[run];
  const std::string name =
      is_alone(report) ? "" : "<h3>" + html_escape(report.names[run]) + "</h3>\n";
  const std::string line = "<p class=\"headline\">" + badge(verdict.trust) + " " +
                           html_escape(verdict.headline) + "</p>\n";
  const std::string css = "verdict " + std::string(words_of(verdict.trust).css_class);
  if (is_alone(report))
    return "<div class=\"" + css + "\">" + line + findings_list(verdict) + "</div>\n";
  return "<div class=\"" + css + "\">" + name + line + details("why", findings_list(verdict)) +
         "</div>\n";
}

// Many runs, a row each.
std::string verdict_table(const ReportData& report) {
  std::string rows;
  for (const size_t run : drawn_runs(report, kMostCurves)) {
    const RunVerdict& verdict = report.verdicts[run];
    rows += "<tr>" + run_cell(report, run) + "<td data-v=\"" +
            std::to_string(static_cast<int>(verdict.trust)) + "\">" + badge(verdict.trust) +
            "</td><td class=\"words\">" + html_escape(verdict.headline) +
            details("why", findings_list(verdict)) + "</td></tr>\n";
  }
  return table("<tr><th>run</th><th>verdict</th><th></th></tr>", rows, "run");
}

std::string tile(const std::string& value, const std::string& unit, const std::string& meaning) {
  return "<div class=\"tile\"><div class=\"value\">" + html_escape(value) +
         (unit.empty() ? "" : "<span class=\"unit\"> " + html_escape(unit) + "</span>") +
         "</div><div class=\"meaning\">" + html_escape(meaning) + "</div></div>\n";
}

std::string or_dash(const std::optional<double>& value, int decimals, double scale = 1) {
  return value ? fixed(scale * *value, decimals) : "–";
}

std::string tiles(const RunSummary& summary) {
  std::string html = "<div class=\"tiles\">\n";
  html += tile(or_dash(summary.best_map, 2, 100), "%",
               summary.best_epoch ? "best mAP, epoch " + compact(*summary.best_epoch) : "best mAP");
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

// Whether no other run has a higher value.
bool is_best(const ReportData& report, size_t run, std::optional<double> RunSummary::*value) {
  const auto& own = report.summaries[run].*value;
  return own && std::ranges::none_of(report.summaries, [&](const RunSummary& other) {
           return (other.*value).value_or(*own) > *own;
         });
}

std::string comparison(const ReportData& report) {
  const std::string head =
      "<tr><th>run</th><th>state</th><th>best mAP<br><small>%</small></th><th>at epoch</th>"
      "<th>final mAP<br><small>%</small></th><th>final loss<br><small>smoothed</small></th>"
      "<th>throughput<br><small>img/s, median</small></th><th>data wait<br><small>% of "
      "step</small></th><th>steps</th><th>time in steps</th><th>skipped</th></tr>";
  std::string rows;
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const RunSummary& s = report.summaries[run];
    rows += "<tr>" + run_cell(report, run) + text_cell(phase_name(report.statuses[run].phase)) +
            number_cell(s.best_map, 2, 100, is_best(report, run, &RunSummary::best_map)) +
            number_cell(s.best_epoch, 0) +
            number_cell(s.final_map, 2, 100, is_best(report, run, &RunSummary::final_map)) +
            number_cell(s.final_loss, 4) +
            number_cell(s.median_images_per_second, 1, 1,
                        is_best(report, run, &RunSummary::median_images_per_second)) +
            number_cell(s.data_wait_ratio, 2, 100) + count_cell(s.steps) +
            number_cell(s.seconds, format_duration(s.seconds)) + count_cell(s.skipped_steps) +
            "</tr>\n";
  }
  return table(head, rows, report.runs.size() > 8 ? "run" : "");
}

constexpr std::array<const char*, 7> kMeasures = {"mAP", "CP", "CR", "CF1", "OP", "OR", "OF1"};

std::array<std::optional<double>, 7> measures_of(const std::optional<double>& map,
                                                 const std::optional<FMeasures>& f) {
  if (!f) return {map};
  return {map, f->cp, f->cr, f->cf1, f->op, f->orr, f->of1};
}

std::string paper_table(const ReportData& report) {
  std::string head = "<tr><th></th><th>row</th>";
  for (const char* const measure : kMeasures) head += "<th>" + std::string(measure) + "</th>";
  std::string rows, notes;
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const RunVerdict& verdict = report.verdicts[run];
    const RecordedEvaluation* best = report.runs[run].best();
    if (!verdict.paper || best == nullptr) continue;
    const auto paper = measures_of(verdict.paper->map, verdict.paper->all);
    const auto ours = measures_of(best->map, best->all);
    rows += "<tr>" + run_cell(report, run) + text_cell("this run");
    for (const auto& value : ours) rows += number_cell(value, 1, 100);
    rows += "</tr>\n<tr>" + text_cell("the paper, " + verdict.paper->data_set) +
            text_cell(verdict.paper->name);
    for (size_t m = 0; m < paper.size(); ++m)
      rows += m == 0 && !paper[m] ? text_cell("out of memory") : number_cell(paper[m], 1, 100);
    rows += "</tr>\n<tr class=\"difference\">" + text_cell("difference") + text_cell("points");
    for (size_t m = 0; m < paper.size(); ++m) {
      const bool both = paper[m] && ours[m];
      const double points = both ? 100 * (*ours[m] - *paper[m]) : 0;
      rows +=
          both ? number_cell(points, (points >= 0 ? "+" : "") + fixed(points, 1)) : text_cell("–");
    }
    rows += "</tr>\n";
    if (verdict.deviations.empty()) continue;
    std::string list;
    for (const std::string& deviation : verdict.deviations)
      list += (list.empty() ? "" : "; ") + deviation;
    notes += "<p class=\"note\">" + html_escape(prefix_of(report, run)) +
             "not the paper's experiment: " + html_escape(list) + ".</p>\n";
  }
  if (rows.empty()) return "";
  return "<h3>Beside the paper</h3>\n<p>The row of its tables that the configuration is, in "
         "percent; the "
         "run's evaluation of the highest mAP.</p>\n<div class=\"scroll\"><table><thead>" +
         head + "</tr></thead><tbody>\n" + rows + "</tbody></table></div>\n" + notes;
}

}  // namespace

std::string verdict_section(const ReportData& report, ChartList&) {
  std::string html;
  if (report.runs.size() > kMostCards) {
    html = verdict_table(report);
  } else {
    for (size_t run = 0; run < report.runs.size(); ++run) html += verdict_of(report, run);
  }
  return section("verdict", "Verdict", html + left_out_note(report, kMostCurves));
}

std::string summary_section(const ReportData& report, ChartList&) {
  const std::string figures =
      is_alone(report) ? tiles(report.summaries.front()) : comparison(report);
  return section("figures", is_alone(report) ? "Figures" : "Comparison",
                 figures + paper_table(report));
}

}  // namespace catamaran
