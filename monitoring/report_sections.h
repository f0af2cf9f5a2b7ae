// The sections of the report, each a piece of HTML made of the runs it is given, with its charts in
// the list; a section without content is empty. What stands in a table or a sentence is in the HTML
// and can be read without a script; charts are specifications that the page's script draws
// (monitoring/page/).
//
//   ChartList charts;
//   page += curves_section(report, charts);
//   page += script_json(charts.all());
//
// Thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "monitoring/recorded_run.h"
#include "monitoring/run_status.h"
#include "monitoring/run_summary.h"
#include "monitoring/run_verdict.h"

namespace catamaran {

// Same order everywhere; the position is the run's colour.
struct ReportData {
  std::vector<RecordedRun> runs;
  std::vector<std::string> names;
  std::vector<RunSummary> summaries;
  std::vector<RunStatus> statuses;
  std::vector<RunVerdict> verdicts;
  std::vector<Setting> defaults;  // of every key; empty: not known
};

class ChartList {
 public:
  // A <figure> for the chart, which the page's script fills; `spec` names its kind and what it
  // shows (docs/formats.md). wide: over the whole page.
  std::string add(nlohmann::json spec, int height = 290, bool wide = false);
  const nlohmann::json& all() const { return specs_; }

 private:
  nlohmann::json specs_ = nlohmann::json::array();
};

using Section = std::string (*)(const ReportData& report, ChartList& charts);

std::string verdict_section(const ReportData& report, ChartList& charts);
std::string summary_section(const ReportData& report, ChartList& charts);
std::string sweep_section(const ReportData& report, ChartList& charts);
std::string curves_section(const ReportData& report, ChartList& charts);
std::string accuracy_section(const ReportData& report, ChartList& charts);
std::string confusions_section(const ReportData& report, ChartList& charts);
std::string pictures_section(const ReportData& report, ChartList& charts);
std::string steps_section(const ReportData& report, ChartList& charts);
std::string data_section(const ReportData& report, ChartList& charts);
std::string events_section(const ReportData& report, ChartList& charts);
std::string settings_section(const ReportData& report, ChartList& charts);
std::string versions_section(const ReportData& report, ChartList& charts);
std::string files_section(const ReportData& report, ChartList& charts);

}  // namespace catamaran
