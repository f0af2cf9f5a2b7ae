// RecordedStep: a line of a run's metrics.jsonl, as far as the report shows it, whatever version of
// the program wrote it.
//
//   const RecordedSteps log = read_recorded_steps("runs/voc07/metrics.jsonl");
//   log.steps.back().loss;      log.left_out;      // lines that are no step, a torn last one among
//                                                  // them
//
// A key that a line lacks is not a number, or a part of no time. What a step's time went into adds
// up to it: "other" is the rest. Errors: UsageError where the file cannot be read. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <vector>

namespace catamaran {

constexpr std::array<const char*, 7> kStepParts = {"data wait", "to device", "forward", "backward",
                                                   "exchange",  "optimizer", "other"};

struct RecordedStep {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  int64_t step = 0;
  int64_t epoch = 0;  // 0-based
  int64_t images = 0;
  double loss = kNone;
  double learning_rate = kNone;
  double gradient_norm = kNone;
  double seconds = kNone;
  std::array<double, kStepParts.size()> parts{};  // seconds
  bool applied = true;
  bool spike = false;
  int64_t slowest_rank = -1;      // -1: not recorded
  double slowest_factor = kNone;  // its own work over the median rank's

  double images_per_second() const {
    return seconds > 0 ? static_cast<double>(images) / seconds : kNone;
  }
  double data_wait_ratio() const { return seconds > 0 ? parts[0] / seconds : kNone; }
};

struct RecordedSteps {
  std::vector<RecordedStep> steps;  // rising; of a step that was logged twice the later line
  int64_t left_out = 0;
};

RecordedSteps read_recorded_steps(const std::filesystem::path& path);

}  // namespace catamaran
