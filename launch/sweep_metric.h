// What a sweep ranks its points by, read from a run directory.
//
//   const std::optional<double> map = read_metric("best_map", run, /*until_step=*/0);
//
// best_X is the best and last_X the newest of the run's evaluations (eval/*.json); X: map, of1,
// cf1, op, or, cp, cr. last_loss is the mean of the training loss over the newest 20 lines of
// metrics.jsonl; less of it is better. Files that are damaged count as not there. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace catamaran {

std::vector<std::string> metric_names();
bool is_higher_better(const std::string& metric);
// Of evaluations: data.eval is needed.
bool needs_evaluation(const std::string& metric);

// until_step: what was recorded up to there; 0: all. None where nothing was.
std::optional<double> read_metric(const std::string& metric, const std::filesystem::path& run,
                                  int64_t until_step);

}  // namespace catamaran
