// TimeLimit: when a run that may last until a deadline has to stop, so that its last checkpoint is
// durable by then.
//
//   TimeLimit limit(deadline.steady_seconds, steady_seconds());
//   limit.step_took(0.4);  limit.checkpoint_took(2.5);  limit.evaluation_took(20);
//   if (limit.must_stop(steady_seconds(), evaluation_comes_next)) ... checkpoint, and stop ...
//
// It has to once less than the margin is left: twice the longest checkpoint (one may be under way),
// twice the longest of the newest 50 steps, and the longest evaluation where one comes next. Until
// the first checkpoint has ended 30 s stand for it, but no more than a tenth of the time that there
// was at first: a short limit leaves time to train. Whoever asks at the end of a step only makes
// one at least. All times are seconds, moments are those of one steady clock. Pure arithmetic,
// bounded memory. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace catamaran {

// The moment by which a run must have ended.
struct Deadline {
  double steady_seconds = 0;  // of this process's clock: support/clock.h
  std::string set_by;         // "--max-time", "Slurm's end of the job"
};

struct TimeMargin {
  double checkpoint = 0;  // the longest, or what stands for it
  double step = 0;        // the longest
  double evaluation = 0;  // the longest; 0 where none comes next
  bool estimated = true;  // no checkpoint has ended yet

  double seconds() const { return 2 * checkpoint + 2 * step + evaluation; }
  // "12.6 s: 2 x checkpoint 5.0 s, 2 x step 1.3 s"
  std::string text() const;
};

class TimeLimit {
 public:
  TimeLimit(double deadline, double now);

  void step_took(double seconds);
  // Standing still and writing together.
  void checkpoint_took(double seconds);
  void evaluation_took(double seconds);

  bool must_stop(double now, bool evaluation_next = false) const;
  TimeMargin margin(bool evaluation_next) const;
  double deadline() const { return deadline_; }

 private:
  static constexpr size_t kSteps = 50;

  double deadline_;
  double estimate_;  // of a checkpoint
  double checkpoint_ = 0;
  double evaluation_ = 0;
  std::array<double, kSteps> steps_{};
  size_t next_step_ = 0;
};

}  // namespace catamaran
