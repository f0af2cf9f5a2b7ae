// HTML report: one self-contained page (no script from elsewhere, pictures embedded) of one or
// several runs: summary table, curves of loss, learning rate, images/s and mAP as inline SVG, AP
// per class as bars, step break-down, the explained pictures if a run has any (RUN/explain/*.png),
// each with what is right, wrong and missing where explain knew the truth, configuration and
// manifest.
//
//   write_html_report({"runs/a", "runs/b"}, "report.html");
//
// Reads run directories only (config.toml, manifest.json, metrics.jsonl, eval/*.json, explain/).
// Errors: UsageError naming the run and the file that is missing. Thread-safe.
#pragma once

#include <filesystem>
#include <vector>

namespace catamaran {

void write_html_report(const std::vector<std::filesystem::path>& runs,
                       const std::filesystem::path& out);

}  // namespace catamaran
