#include <cstdio>
#include <memory>

#include "launch/command.h"
#include "launch/path_checks.h"
#include "monitoring/html_report.h"

namespace catamaran {

void add_report_command(CLI::App& app, CommandSlot& slot) {
  struct ReportArguments {
    std::vector<std::filesystem::path> runs;
    std::filesystem::path out = "report.html";
  };
  CLI::App* report =
      app.add_subcommand("report", "One self-contained HTML page of one or several runs");
  const auto given = std::make_shared<ReportArguments>();
  report->add_option("runs", given->runs, "run directories")->required();
  report->add_option("--out", given->out, "the page")
      ->check(result_file({".html", ".htm"}))
      ->capture_default_str();
  report->footer("Example: catamaran report runs/a runs/b --out report.html");
  report->callback([&slot, given] {
    slot.work = [given](int&, char**&) {
      write_html_report(given->runs, given->out);
      std::printf("%s\n", given->out.c_str());
      return 0;
    };
  });
}

}  // namespace catamaran
