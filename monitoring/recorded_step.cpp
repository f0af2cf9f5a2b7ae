#include "monitoring/recorded_step.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "monitoring/recorded_files.h"
#include "support/error.h"

namespace catamaran {
namespace {

using nlohmann::json;

double positive_or_zero(double value) { return std::isfinite(value) ? std::max(0.0, value) : 0; }

RecordedStep step_of(const json& line) {
  constexpr double kNone = RecordedStep::kNone;
  RecordedStep step;
  step.step = whole_in(line, "step", 0);
  step.epoch = whole_in(line, "epoch", 0);
  step.images = whole_in(line, "images", 0);
  step.loss = number_in(line, "loss", kNone);
  step.learning_rate = number_in(line, "learning_rate", kNone);
  step.gradient_norm = number_in(line, "gradient_norm", kNone);
  step.seconds = number_in(line, "step_seconds", kNone);
  // What ranks waited in the small all-reduce of a step: older versions know rank 0's alone.
  const double sums = number_in(line, "sums_wait_seconds", number_in(line, "sums_seconds", 0));
  step.parts = {number_in(line, "data_wait_seconds", 0),
                number_in(line, "to_device_seconds", 0),
                number_in(line, "forward_seconds", 0),
                number_in(line, "backward_seconds", 0),
                number_in(line, "exchange_exposed_seconds", 0) + sums,
                number_in(line, "optimizer_seconds", 0),
                0};
  double known = 0;
  for (double& part : step.parts) known += part = positive_or_zero(part);
  step.parts.back() = positive_or_zero(step.seconds - known);
  step.applied = flag_in(line, "applied", true);
  step.spike = text_in(line, "skipped") == "spike";
  step.slowest_rank = whole_in(line, "slowest_rank", -1);
  const double median = number_in(line, "median_rank_seconds", 0);
  if (median > 0) step.slowest_factor = number_in(line, "slowest_rank_seconds", kNone) / median;
  return step;
}

}  // namespace

RecordedSteps read_recorded_steps(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file)
    throw UsageError(with_errno("cannot read the run's log", errno), path.string(),
                     "name a run directory of `catamaran train`");
  RecordedSteps log;
  for (std::string text; std::getline(file, text);) {
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object() || whole_in(line, "step", 0) <= 0) {
      log.left_out += text.empty() ? 0 : 1;
      continue;
    }
    log.steps.push_back(step_of(line));
  }
  // A log that was put together from two has steps twice: the later line counts.
  std::ranges::stable_sort(log.steps, {}, &RecordedStep::step);
  std::vector<RecordedStep> once;
  for (const RecordedStep& step : log.steps) {
    if (!once.empty() && once.back().step == step.step) once.pop_back();
    once.push_back(step);
  }
  log.steps = std::move(once);
  return log;
}

}  // namespace catamaran
