#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "launch/command.h"
#include "launch/config.h"
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
  const std::vector<std::filesystem::path> runs = find_runs(given.runs);
  if (runs != given.runs) {
    std::string names;
    for (const std::filesystem::path& run : runs)
      names += (names.empty() ? "" : ", ") + run.string();
    log::info(text("%zu runs: ", runs.size()) + printable(names));
  }
  ReportOptions options;
  for (const ConfigEntry& entry : default_entries())
    options.defaults.push_back({entry.key, entry.value, ""});
  write_html_report(runs, given.out, options);
  std::printf("%s\n", given.out.c_str());
  return 0;
}

}  // namespace

void add_report_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* report = app.add_subcommand(
      "report", "One self-contained HTML page of one or several runs, or of a sweep");
  const auto given = std::make_shared<ReportArguments>();
  report
      ->add_option("runs", given->runs,
                   "run directories, or folders of them: also of runs that are under way, and of "
                   "which files are missing")
      ->required();
  report
      ->add_option(
          "--out", given->out,
          "the page: one file with charts and pictures, to open without a network, to send "
          "around and to print")
      ->check(result_file({".html", ".htm"}))
      ->capture_default_str();
  report->footer(
      "Examples: catamaran report runs/a runs/b --out report.html\n"
      "          catamaran report runs --out report.html\n"
      "          catamaran report sweeps/large-batch --out sweep.html\n"
      "Pictures with activation maps come from RUN/explain:\n"
      "          catamaran explain --checkpoint runs/a --data packs/voc07-test --best 4 --worst 4 "
      "--out runs/a/explain");
  report->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return report_on(*given); }; });
}

}  // namespace catamaran
