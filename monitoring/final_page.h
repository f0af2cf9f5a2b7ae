// RUN/final.prom: how a run ended, in the text format that node_exporter's textfile collector
// reads, for who did not scrape it in time. Names and labels: docs/metrics.md.
//
//   const RunEnd end = {.run = "cat-1", .reason = "failure", .cause = error.what(),
//                       .exit_code = 6, .numbers = metrics.numbers()};
//   write_file_atomically(run_dir / "final.prom", final_page(end));
//
// A pure function; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "monitoring/metrics.h"

namespace catamaran {

struct RunEnd {
  std::string run;
  std::string reason;            // done, signal, time limit, failure
  std::string cause;             // a sentence; its end is cut off where it is long
  std::optional<int> exit_code;  // none: the launcher's
  RunNumbers numbers;
  double unix_seconds = 0;
};

std::string final_page(const RunEnd& end);

}  // namespace catamaran
