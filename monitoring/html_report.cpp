#include "monitoring/html_report.h"

#include <array>
#include <string>

#include "monitoring/html_text.h"
#include "monitoring/report_sections.h"
#include "monitoring/report_style.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr size_t kColours = 8;  // s0 ... s7, p0 ... p5 of the style sheet
constexpr size_t kPartColours = 6;

// One class per colour, for lines, dots, bars and swatches alike.
std::string colour_rules() {
  std::string css;
  for (size_t c = 0; c < kColours; ++c) {
    const std::string name = "s" + std::to_string(c);
    css += ".line." + name + ", .raw." + name + " { stroke: var(--" + name + "); } .dot." + name +
           ", .bar." + name + " { fill: var(--" + name + "); } .swatch." + name +
           " { color: var(--" + name + "); }\n";
  }
  for (size_t p = 0; p < kPartColours; ++p) {
    const std::string name = "p" + std::to_string(p);
    css += "rect." + name + " { fill: var(--" + name + "); } .swatch." + name + " { color: var(--" +
           name + "); }\n";
  }
  return css;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " · ") + part;
  return text;
}

// What the manifest says about the run's newest life; a manifest of another version says less.
std::string facts_of(const RecordedRun& run) {
  std::vector<std::string> facts;
  if (!run.manifest.is_object()) return "";
  const nlohmann::json lives = run.manifest.value("lives", nlohmann::json());
  if (lives.is_array() && !lives.empty() && lives.back().is_object()) {
    const nlohmann::json& life = lives.back();
    const auto pack = life.value("/train_pack/data_set"_json_pointer, nlohmann::json());
    if (pack.is_string()) facts.push_back(pack.get<std::string>());
    const auto world = life.value("world", nlohmann::json());
    if (world.is_number_integer()) {
      const auto ranks = world.get<int64_t>();
      facts.push_back(std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks"));
    }
    const auto backend = life.value("backend", nlohmann::json());
    if (backend.is_string()) facts.push_back(backend.get<std::string>());
    const auto started = life.value("started_unix_seconds", nlohmann::json());
    if (started.is_number()) facts.push_back("started " + utc_text(started.get<double>()));
    if (lives.size() > 1) facts.push_back("resumed " + std::to_string(lives.size() - 1) + " times");
  }
  if (!run.steps.empty())
    facts.insert(facts.begin(), "batch " + std::to_string(run.steps.back().images));
  return joined(facts);
}

std::string header(const ReportData& report) {
  std::string html = "<header><h1>" + html_escape(joined(report.names)) + "</h1>\n";
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const std::string facts = facts_of(report.runs[run]);
    if (facts.empty()) continue;
    const bool several = report.runs.size() > 1;
    html += "<p>" + html_escape(several ? report.names[run] + ": " + facts : facts) + "</p>\n";
  }
  return html + "</header>\n";
}

std::string page_of(const ReportData& report) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         html_escape(joined(report.names)) + "</title>\n<style>" + kReportStyle + colour_rules() +
         "</style>\n</head>\n<body>\n<main>\n" + header(report) + summary_section(report) +
         curves_section(report) + accuracy_section(report) + step_section(report) +
         data_section(report) + explained_section(report) + files_section(report) +
         "<footer>Made by <code>catamaran report</code> from the run directories.</footer>\n"
         "</main>\n</body>\n</html>\n";
}

}  // namespace

void write_html_report(const std::vector<std::filesystem::path>& runs,
                       const std::filesystem::path& out) {
  if (runs.empty())
    throw UsageError("there is no run to report on", "", "name at least one run directory");
  ReportData report;
  for (const std::filesystem::path& folder : runs) {
    report.runs.push_back(read_recorded_run(folder));
    report.summaries.push_back(summarize(report.runs.back()));
  }
  report.names = display_names(report.runs);
  write_file_atomically(out, page_of(report), ErrorKind::kUsage);
}

}  // namespace catamaran
