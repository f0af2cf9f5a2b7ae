// Numbers of a run over time that single steps do not tell: smoothed values, how much of the wall
// clock was told of, when a checkpoint is to be expected, and what share of the time counted.
//
//   Smoothed loss(0.02);  loss.add(report.loss);
//   const double rest = wall.rest(0.5);          // since it was last asked, beside these 0.5 s
//   rhythm.step_took(0.4);  rhythm.seconds();    // from one checkpoint to the next
//   goodput.add(0.4);  goodput.ratio(unix_seconds());
//
// Pure arithmetic; moments are those of one clock each. One thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace catamaran {

// Exponentially smoothed: starts at its first value; what is not finite is left out.
class Smoothed {
 public:
  explicit Smoothed(double share_of_new) : share_of_new_(share_of_new) {}
  double add(double value) {
    if (std::isfinite(value)) value_ = value_ ? *value_ + share_of_new_ * (value - *value_) : value;
    return value_.value_or(0);
  }

 private:
  double share_of_new_;
  std::optional<double> value_;
};

// Every second since `start` is told of once: by whoever knows what it went into, or as the rest.
class WallTime {
 public:
  explicit WallTime(double start) : told_until_(start) {}
  // `known` seconds of those since the last call are told of elsewhere.
  double rest(double now, double known) {
    return std::max(0.0, now - std::exchange(told_until_, now) - known);
  }

 private:
  double told_until_;
};

// every_steps 0: there is none before the end, after `total_steps`.
class CheckpointRhythm {
 public:
  CheckpointRhythm(int64_t every_steps, int64_t evaluate_every_steps, int64_t total_steps)
      : steps_(every_steps > 0 ? every_steps : total_steps) {
    if (evaluate_every_steps > 0)
      evaluations_ = (steps_ + evaluate_every_steps - 1) / evaluate_every_steps;
  }
  // Smoothed over the newest ones.
  void step_took(double seconds) { step_seconds_ = seconds; }
  void evaluation_took(double seconds) { evaluation_ = std::max(evaluation_, seconds); }
  // NaN before the first step.
  double seconds() const {
    if (!(step_seconds_ > 0)) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(steps_) * step_seconds_ +
           static_cast<double>(evaluations_) * evaluation_;
  }

 private:
  int64_t steps_;            // between two checkpoints
  int64_t evaluations_ = 0;  // between them, at most
  double step_seconds_ = 0;
  double evaluation_ = 0;  // the longest
};

// Time of the steps that count over all the time since the run's first start.
class Goodput {
 public:
  // Of earlier starts: seconds of the steps that this one goes on from.
  void begin(double first_start, double useful_before) {
    first_start_ = first_start;
    useful_ += useful_before;
  }
  void add(double seconds) { useful_ += std::max(0.0, seconds); }
  double ratio(double now) const {
    const double all = now - first_start_;
    return all > 0 ? std::clamp(useful_ / all, 0.0, 1.0) : 0;
  }

 private:
  double first_start_ = 0;
  double useful_ = 0;
};

}  // namespace catamaran
