// HTML report: one self-contained page of one or several runs (docs/formats.md has what it shows).
// Style, script, charts' library and pictures are in it: it can be sent around, opened from a disk
// without a network, and printed; its content security policy lets no script run but its own, and
// nothing be fetched. Tables and sentences are HTML and need no script; charts are drawn by
// plotly.js from data in the page.
//
//   write_html_report({"runs/a", "runs/b"}, "report.html", {.defaults = default_settings});
//
// Reads run directories only, whatever is missing in them (monitoring/recorded_run.h). No text that
// a run brings, names of classes and files among them, becomes markup or script. Size: about 2.5 MB
// and what the pictures take, 8 MB at most. Errors: UsageError where a folder is no run, or the
// page cannot be written. Thread-safe.
#pragma once

#include <filesystem>
#include <vector>

#include "monitoring/recorded_config.h"

namespace catamaran {

struct ReportOptions {
  std::vector<Setting> defaults;  // every key as it is when nobody sets it; empty: not known
};

void write_html_report(const std::vector<std::filesystem::path>& runs,
                       const std::filesystem::path& out, const ReportOptions& options = {});

}  // namespace catamaran
