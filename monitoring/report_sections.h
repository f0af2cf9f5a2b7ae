// The sections of the report, each a piece of HTML made of the runs it is given; a section without
// content is empty.
//
//   page += curves_section(report);
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "monitoring/recorded_run.h"
#include "monitoring/run_summary.h"

namespace catamaran {

// Same order everywhere; the position is the run's colour.
struct ReportData {
  std::vector<RecordedRun> runs;
  std::vector<std::string> names;
  std::vector<RunSummary> summaries;
};

std::string summary_section(const ReportData& report);   // tiles of one run, a table of several
std::string curves_section(const ReportData& report);    // loss, mAP, images/s, learning rate, ...
std::string accuracy_section(const ReportData& report);  // F-measures, AP by class
std::string step_section(const ReportData& report);      // what a step's time goes into
std::string data_section(const ReportData& report);  // of the first run that tells: labels, sizes
std::string explained_section(const ReportData& report);
std::string files_section(const ReportData& report);  // configuration and manifest

// Which colour is which run; empty for one run.
std::string legend(const ReportData& report);

}  // namespace catamaran
