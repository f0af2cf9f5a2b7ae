#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

// From `first` at share 0 to `last` at share 1, along half a cosine.
double half_cosine(double first, double last, double share) {
  return last + (first - last) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace

Schedule::Schedule(ScheduleOptions options, int64_t steps_per_epoch, int64_t images_per_step)
    : options_(std::move(options)),
      steps_per_epoch_(steps_per_epoch),
      total_steps_(options_.images > 0 ? options_.images / images_per_step
                                       : options_.epochs * steps_per_epoch),
      warmup_steps_(options_.warmup_images > 0
                        ? static_cast<double>(options_.warmup_images) /
                              static_cast<double>(images_per_step)
                        : options_.warmup_epochs * static_cast<double>(steps_per_epoch)) {
  CATAMARAN_ASSERT(total_steps_ > 0, "epochs, images and steps per epoch were checked");
  if (last_step() > kMostSteps) {
    if (options_.images > 0) {
      throw UsageError(std::to_string(options_.images) + " images are " +
                           std::to_string(total_steps_) + " steps, more than " +
                           std::to_string(kMostSteps),
                       "schedule.images", "lower it, or set schedule.max_steps");
    }
    throw UsageError(std::to_string(options_.epochs) + " epochs of " +
                         std::to_string(steps_per_epoch) + " steps are more than " +
                         std::to_string(kMostSteps) + " steps",
                     "schedule.epochs",
                     "set it to " + std::to_string(kMostSteps / steps_per_epoch) +
                         " or less, or set schedule.max_steps");
  }
}

int64_t Schedule::last_step() const {
  return options_.max_steps > 0 ? std::min(options_.max_steps, total_steps_) : total_steps_;
}

double Schedule::factor(int64_t step) const {
  const double ramp = std::min(1.0, static_cast<double>(step + 1) / std::max(1.0, warmup_steps_));
  return options_.name == "onecycle" ? shape(step) : ramp * shape(step);
}

double Schedule::shape(int64_t step) const {
  const auto t = static_cast<double>(step);
  if (options_.name == "step") {
    const double epoch = t / static_cast<double>(steps_per_epoch_);
    const auto passed = std::count_if(options_.milestones.begin(), options_.milestones.end(),
                                      [&](double milestone) { return epoch >= milestone; });
    return std::pow(options_.gamma, static_cast<double>(passed));
  }
  const double last = static_cast<double>(total_steps_) - 1;
  if (options_.name == "cosine")
    return half_cosine(1, options_.final_ratio, std::min(1.0, t / std::max(1.0, last)));
  if (options_.name == "onecycle") {
    const double first = 1 / options_.div_factor;
    const double top = options_.pct_start * static_cast<double>(total_steps_) - 1;
    // A rise of one step ends where it begins, at the top; PyTorch divides by zero there.
    if (t <= top && top > 0) return half_cosine(first, 1, t / top);
    return half_cosine(1, first / options_.final_div_factor,
                       std::min(1.0, (t - top) / (last - top)));
  }
  if (options_.name == "range") {
    const double steps = std::max(1.0, static_cast<double>(last_step()) - 1);
    return std::pow(options_.range_ratio, t / steps);
  }
  CATAMARAN_ASSERT(options_.name == "constant", "the schedule's name was checked");
  return 1;
}

int64_t steps_of_epochs(double epochs, int64_t steps_per_epoch) {
  if (epochs <= 0) return 0;
  return std::max<int64_t>(1, std::llround(epochs * static_cast<double>(steps_per_epoch)));
}

}  // namespace catamaran
