#include "monitoring/run_summary.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace catamaran {
namespace {

double or_zero(double value) { return std::isfinite(value) ? value : 0; }

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void add_steps(const std::vector<RecordedStep>& steps, RunSummary& summary) {
  std::vector<double> images_per_second, losses;
  double waited = 0, worked = 0;
  int64_t previous = 0;
  for (const RecordedStep& step : steps) {
    const double seconds = or_zero(step.seconds);
    summary.seconds += seconds * static_cast<double>(std::max<int64_t>(1, step.step - previous));
    previous = step.step;
    summary.skipped_steps += step.applied ? 0 : 1;
    summary.spikes += step.spike ? 1 : 0;
    if (seconds > 0) images_per_second.push_back(step.images_per_second());
    losses.push_back(step.loss);
    waited += step.parts.front();
    worked += seconds;
    for (size_t p = 0; p < step.parts.size(); ++p)
      summary.part_seconds[p] += step.parts[p] / static_cast<double>(steps.size());
  }
  summary.steps = steps.back().step;
  summary.epochs = steps.back().epoch + 1;
  summary.logged_steps = static_cast<int64_t>(steps.size());
  summary.median_images_per_second = median(std::move(images_per_second));
  if (worked > 0) summary.data_wait_ratio = waited / worked;
  const double loss = smoothed(losses).back();
  if (std::isfinite(loss)) summary.final_loss = loss;
}

// The mean of the finite ones of values[i - reach] ... values[i + reach].
std::vector<double> box_mean(const std::vector<double>& values, int64_t reach) {
  const auto count = static_cast<int64_t>(values.size());
  std::vector<double> sums(values.size() + 1, 0);
  std::vector<int64_t> finite(values.size() + 1, 0);
  for (size_t i = 0; i < values.size(); ++i) {
    sums[i + 1] = sums[i] + or_zero(values[i]);
    finite[i + 1] = finite[i] + (std::isfinite(values[i]) ? 1 : 0);
  }
  std::vector<double> means = values;
  for (int64_t i = 0; i < count; ++i) {
    const auto from = static_cast<size_t>(std::max<int64_t>(0, i - reach));
    const auto to = static_cast<size_t>(std::min(count, i + reach + 1));
    if (finite[to] == finite[from]) continue;
    means[static_cast<size_t>(i)] =
        (sums[to] - sums[from]) / static_cast<double>(finite[to] - finite[from]);
  }
  return means;
}

}  // namespace

RunSummary summarize(const RecordedRun& run) {
  RunSummary summary;
  if (!run.steps.empty()) add_steps(run.steps, summary);
  if (const RecordedEvaluation* best = run.best()) {
    summary.best_map = best->map;
    summary.best_epoch = best->epoch;
    summary.final_map = run.evaluations.back().map;
  }
  return summary;
}

std::vector<double> smoothed(const std::vector<double>& values) {
  // Two box filters make a triangle; a run of fewer than 50 values stays as it is.
  const auto reach = (static_cast<int64_t>(values.size()) + 100) / 150;
  return box_mean(box_mean(values, reach), reach);
}

std::vector<std::string> display_names(const std::vector<RecordedRun>& runs) {
  std::map<std::string, int> uses;
  for (const RecordedRun& run : runs) ++uses[run.name];
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const RecordedRun& run : runs) {
    names.push_back(uses[run.name] == 1 ? run.name : run.name + " (" + run.folder.string() + ")");
  }
  return names;
}

}  // namespace catamaran
