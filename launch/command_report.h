// `catamaran report RUN [RUN...] --out report.html`: the page of monitoring/html_report.h.
//
//   std::function<int()> run;
//   add_report_command(app, run);
//   app.parse(argc, argv);        // sets run if the command line named this command
//   return run();                 // exit code 0, or an Error
//
// app and run must outlive the parse. One thread at a time.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace catamaran {

void add_report_command(CLI::App& app, std::function<int()>& run);

}  // namespace catamaran
