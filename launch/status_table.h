// How runs are shown: a row for each in a table, and the sentence of one.
//
//   std::vector<RunStatus> runs = read_run_statuses(folders);
//   sort_runs(runs, RunOrder::kUpdated);
//   for (const std::string& line : status_table(runs, now, columns)) ...
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/run_status.h"

namespace catamaran {

// What is first: the newest sign of life, the newest start, the name (a to z), the state (running
// first), the most steps, the best mAP, the lowest loss.
enum class RunOrder { kUpdated, kStarted, kName, kState, kStep, kMap, kLoss };
// updated, started, name, state, step, map, loss; in this order.
std::vector<std::string> run_order_names();
std::optional<RunOrder> run_order_named(const std::string& name);
// Runs that do not have it come last; where it is the same, the newest sign of life decides.
void sort_runs(std::vector<RunStatus>& runs, RunOrder order);

// Titles and a line for each run. now: unix seconds, for ages; width: of the terminal, 0 for as
// wide as it needs.
std::vector<std::string> status_table(const std::vector<RunStatus>& runs, double now,
                                      int64_t width);

// "3 s", "12 min", "5 h", "9 d": of an age or a time to go.
std::string age_text(double seconds);

// "running, step 120/400 (30 %), epoch 2, ..."; of one that has ended, why.
std::string status_sentence(const RunStatus& run);

}  // namespace catamaran
