#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "launch/command.h"
#include "launch/path_checks.h"
#include "monitoring/html_report.h"
#include "monitoring/run_folders.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

struct ReportArguments {
  std::vector<std::filesystem::path> runs;
  std::filesystem::path out = "report.html";
};

int report_on(const ReportArguments& given) {
  const RunFolders found = find_runs(given.runs);
  for (const std::string& reason : found.left_out) log::warn("left out: " + printable(reason));
  if (found.runs != given.runs) {
    std::string names;
    for (const std::filesystem::path& run : found.runs)
      names += (names.empty() ? "" : ", ") + run.string();
    log::info(text("%zu runs: ", found.runs.size()) + printable(names));
  }
  write_html_report(found.runs, given.out);
  std::printf("%s\n", given.out.c_str());
  return 0;
}

}  // namespace

void add_report_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* report =
      app.add_subcommand("report", "One self-contained HTML page of one or several runs");
  const auto given = std::make_shared<ReportArguments>();
  report->add_option("runs", given->runs, "run directories, or folders of them")->required();
  report->add_option("--out", given->out, "the page")
      ->check(result_file({".html", ".htm"}))
      ->capture_default_str();
  report->footer(
      "Examples: catamaran report runs/a runs/b --out report.html\n"
      "          catamaran report runs --out report.html");
  report->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return report_on(*given); }; });
}

}  // namespace catamaran
