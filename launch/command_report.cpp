#include "launch/command_report.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "monitoring/html_report.h"
#include "support/log.h"

namespace catamaran {
namespace {

struct ReportOptions {
  std::vector<std::filesystem::path> runs;
  std::filesystem::path out = "report.html";
};

int write_report(const ReportOptions& options) {
  write_html_report(options.runs, options.out);
  log::info("wrote {}, a page of {} run{}", options.out.string(), options.runs.size(),
            options.runs.size() == 1 ? "" : "s");
  return 0;
}

}  // namespace

void add_report_command(CLI::App& app, std::function<int()>& run) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand(
      "report", "Write a page with curves, tables and pictures of one run or several");
  command->add_option("run", options->runs, "Run directories of `catamaran train`")
      ->required()
      ->type_name("RUN")
      ->check(CLI::ExistingDirectory);
  command->add_option("--out", options->out, "The page: HTML that needs no other file")
      ->type_name("FILE")
      ->capture_default_str();
  command->footer(
      "Example:\n"
      "  catamaran report runs/voc07 runs/voc07-without-lrd --out report.html\n\n"
      "One run is shown with its key numbers, several side by side in the same charts.\n"
      "Pictures of `catamaran explain --out RUN/explain` are embedded.");
  command->callback([options, &run] { run = [options] { return write_report(*options); }; });
}

}  // namespace catamaran
