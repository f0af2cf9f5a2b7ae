#include "trainer/time_limit.h"

#include <algorithm>

#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kEstimateOfCheckpoint = 30;
constexpr double kMostOfTheTime = 0.1;  // that the estimate takes

}  // namespace

std::string TimeMargin::text() const {
  std::string line = catamaran::text("%.1f s: 2 x checkpoint %.1f s%s, 2 x step %.2f s", seconds(),
                                     checkpoint, estimated ? " (estimated)" : "", step);
  if (evaluation > 0) line += catamaran::text(", evaluation %.1f s", evaluation);
  return line;
}

TimeLimit::TimeLimit(double deadline, double now)
    : deadline_(deadline),
      estimate_(std::clamp(kMostOfTheTime * (deadline - now), 0.0, kEstimateOfCheckpoint)) {}

void TimeLimit::step_took(double seconds) {
  steps_[next_step_] = seconds;
  next_step_ = (next_step_ + 1) % kSteps;
}

void TimeLimit::checkpoint_took(double seconds) { checkpoint_ = std::max(checkpoint_, seconds); }

void TimeLimit::evaluation_took(double seconds) { evaluation_ = std::max(evaluation_, seconds); }

TimeMargin TimeLimit::margin(bool evaluation_next) const {
  const bool estimated = checkpoint_ <= 0;
  return {.checkpoint = estimated ? estimate_ : checkpoint_,
          .step = *std::max_element(steps_.begin(), steps_.end()),
          .evaluation = evaluation_next ? evaluation_ : 0,
          .estimated = estimated};
}

bool TimeLimit::must_stop(double now, bool evaluation_next) const {
  return now + margin(evaluation_next).seconds() >= deadline_;
}

}  // namespace catamaran
