// One start of one point of a sweep: what an array task and a child of `sweep run` do.
//
//   return train_point(plan, plan.points[3], {.until = 200}, argc, argv);
//
// The training is `catamaran train --resume auto` in the point's folder, in this process, or, with
// `ranks`, under mpirun. How it began and ended stands in the folder's outcome.json, so that
// `sweep show` knows of a start that failed before there was a run. Under a launcher all ranks call
// it with the same arguments; rank 0 writes. Errors: those of training. Only the thread that runs
// the step loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/sweep_plan.h"

namespace catamaran {

struct PointStart {
  int64_t until = 0;       // the step that it ends at; 0: the schedule's last
  int64_t ranks = 0;       // under mpirun, on this machine; 0: this process, alone or a launcher's
  std::string max_time{};  // as `train` takes it; empty: none
  bool force_lock = false;
  bool however_often =
      false;  // it has failed: no regard to checkpoint.most_starts_without_progress
};

// "train", "--config", ...: without the program's name. What a user would type to do the same.
std::vector<std::string> train_words(const SweepPlan& plan, const SweepPoint& point,
                                     const PointStart& start);

// What a point's next start may do: `until`, or kNothingToDo with the reason in the log. Of a plan
// that is not prepared it looks at the directories. UsageError where several ranks would look, each
// by itself, at what decides between points.
int64_t next_end(const SweepPlan& plan, const SweepPoint& point);

// argc, argv: of this process.
int train_point(const SweepPlan& plan, const SweepPoint& point, const PointStart& start, int& argc,
                char**& argv);

}  // namespace catamaran
