// RunSummary: the numbers of a run that people compare. Pure function of what the run recorded.
//
//   const RunSummary summary = summarize(run);
//
// Times and shares come from the logged steps; where only every n-th step is logged, each stands
// for the n before it. What a run did not record is none. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/recorded_run.h"

namespace catamaran {

struct RunSummary {
  std::optional<double> best_map, final_map;  // ratios
  std::optional<double> best_epoch;
  std::optional<double> final_loss;  // smoothed
  std::optional<double> median_images_per_second;
  std::optional<double> data_wait_ratio;
  std::array<double, kStepParts.size()> part_seconds{};  // mean of a step
  int64_t steps = 0;                                     // the newest logged
  int64_t epochs = 0;                                    // begun
  int64_t logged_steps = 0;
  int64_t skipped_steps = 0;  // among the logged: not finite, and spikes
  int64_t spikes = 0;         // among these
  double seconds = 0;         // in steps: without evaluation and start-up
};

RunSummary summarize(const RecordedRun& run);

// Mean over a centred, triangular window of about a fiftieth of the values; what is not finite does
// not count, and stays as it is where the whole window is so.
std::vector<double> smoothed(const std::vector<double>& values);

// A name per run, with its folder where two runs have the same name.
std::vector<std::string> display_names(const std::vector<RecordedRun>& runs);

}  // namespace catamaran
