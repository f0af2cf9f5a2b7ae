#include "monitoring/html_report.h"

#include <array>
#include <string>
#include <utility>

#include "monitoring/html_text.h"
#include "monitoring/recorded_files.h"
#include "monitoring/report_assets.h"
#include "monitoring/report_parts.h"
#include "monitoring/report_sections.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/hash.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostTitleNames = 6;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " · ") + part;
  return text;
}

std::string title_of(const ReportData& report) {
  if (report.names.size() <= kMostTitleNames) return joined(report.names);
  const std::vector<std::string> first(report.names.begin(),
                                       report.names.begin() + kMostTitleNames);
  return joined(first) + " and " + std::to_string(report.names.size() - kMostTitleNames) + " more";
}

// What the manifest says about the run's newest life; a manifest of another version says less.
std::string facts_of(const RecordedRun& run) {
  std::vector<std::string> facts;
  const json life = run.newest_life();
  if (!run.steps.empty() && run.steps.back().images > 0)
    facts.push_back("batch " + std::to_string(run.steps.back().images));
  if (const std::string data_set = data_set_of(run); !data_set.empty()) facts.push_back(data_set);
  if (const int64_t ranks = whole_in(life, "world", 0); ranks > 0)
    facts.push_back(std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks"));
  if (const std::string backend = text_in(life, "backend"); !backend.empty())
    facts.push_back(backend);
  if (const double started = number_in(life, "started_unix_seconds", 0); started > 0)
    facts.push_back("started " + utc_text(started));
  return joined(facts);
}

std::string header(const ReportData& report) {
  std::string html =
      "<header>\n<div class=\"title\"><h1>" + html_escape(title_of(report)) +
      "</h1>\n<div class=\"theme\" role=\"group\" aria-label=\"colours\" hidden>"
      "<button type=\"button\" data-theme-choice=\"auto\">Auto</button>"
      "<button type=\"button\" data-theme-choice=\"light\">Light</button>"
      "<button type=\"button\" data-theme-choice=\"dark\">Dark</button></div></div>\n";
  for (size_t run = 0; run < report.runs.size() && report.runs.size() <= kMostTitleNames; ++run) {
    const std::string facts = facts_of(report.runs[run]);
    if (!facts.empty()) html += "<p>" + html_escape(prefix_of(report, run) + facts) + "</p>\n";
  }
  return html + "</header>\n";
}

struct Part {
  const char* id;
  const char* name;  // in the list at the top
  Section make;
};

constexpr std::array<Part, 13> kParts = {{{"verdict", "Verdict", verdict_section},
                                          {"figures", "Figures", summary_section},
                                          {"sweep", "Sweep", sweep_section},
                                          {"curves", "Curves", curves_section},
                                          {"accuracy", "Accuracy", accuracy_section},
                                          {"confusions", "Confusions", confusions_section},
                                          {"pictures", "Pictures", pictures_section},
                                          {"steps", "Time", steps_section},
                                          {"data", "Data", data_section},
                                          {"events", "Events", events_section},
                                          {"settings", "Configuration", settings_section},
                                          {"versions", "Versions", versions_section},
                                          {"files", "Files", files_section}}};

// Everything comes from this page: its own scripts by their hashes, pictures and styles inline.
std::string policy() {
  return "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src " +
         policy_source(sha256(report_script())) + " " + policy_source(plotly_sha256()) +
         "; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action "
         "'none'\">\n";
}

std::string page_of(const ReportData& report) {
  ChartList charts;
  std::string content, places;
  for (const Part& part : kParts) {
    const std::string html = part.make(report, charts);
    if (html.empty()) continue;
    content += html;
    places += "<a href=\"#" + std::string(part.id) + "\">" + part.name + "</a>";
  }
  const json data = {{"charts", charts.all()}};
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" + policy() +
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html_escape(title_of(report)) + "</title>\n<style>" + std::string(report_style()) +
         "</style>\n</head>\n<body>\n<main>\n" + header(report) + "<nav aria-label=\"sections\">" +
         places +
         "</nav>\n<p id=\"trouble\" role=\"status\">The charts need a script, which this page "
         "brings with it; without one there are the tables.</p>\n" +
         content + "<footer>\n<p>Made by <code>catamaran report</code> on " +
         utc_text(unix_seconds()) + " from the run directories. Charts: plotly.js.</p>\n" +
         details("licence of plotly.js", preformatted(std::string(plotly_licence()))) +
         "</footer>\n</main>\n<script type=\"application/json\" id=\"report-data\">" +
         script_json(data) + "</script>\n<script type=\"application/octet-stream\" id=\"plotly\">" +
         base64(plotly_gzip()) + "</script>\n<script>" + std::string(report_script()) +
         "</script>\n</body>\n</html>\n";
}

}  // namespace

void write_html_report(const std::vector<std::filesystem::path>& runs,
                       const std::filesystem::path& out, const ReportOptions& options) {
  if (runs.empty())
    throw UsageError("there is no run to report on", "", "name at least one run directory");
  ReportData report;
  report.defaults = options.defaults;
  for (const std::filesystem::path& folder : runs) {
    report.runs.push_back(read_recorded_run(folder));
    report.summaries.push_back(summarize(report.runs.back()));
    report.statuses.push_back(read_run_status(folder));
    report.verdicts.push_back(
        judge(report.runs.back(), report.summaries.back(), report.statuses.back()));
  }
  report.names = display_names(report.runs);
  write_file_atomically(out, page_of(report), ErrorKind::kUsage);
}

}  // namespace catamaran
