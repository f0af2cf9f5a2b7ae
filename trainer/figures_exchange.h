// What every rank tells rank 0 of itself now and then (monitoring/rank_figures.h), with one small
// all-reduce on host memory.
//
//   if (group.is_root()) sums.wants_figures = figures_due.is_due(logged, steady_seconds());
//   ... the sums of all ranks say that rank 0 wants them ...
//   const std::vector<RankFigures> ranks = share_figures(mine, group);     // by rank, everywhere
//
// FiguresDue bounds what that costs: at most once every five seconds, whatever a step takes, and
// first of all at once. Only the thread that runs the step loop; all ranks share together. Errors:
// CommError.
#pragma once

#include <optional>
#include <vector>

#include "comm/process_group.h"
#include "monitoring/rank_figures.h"

namespace catamaran {

class FiguresDue {
 public:
  static constexpr double kSeconds = 5;

  // logged: the step is one whose line is logged. now: steady_seconds().
  bool is_due(bool logged, double now) {
    if (!logged || (newest_ && now - *newest_ < kSeconds)) return false;
    newest_ = now;
    return true;
  }

 private:
  std::optional<double> newest_;
};

std::vector<RankFigures> share_figures(const RankFigures& mine, ProcessGroup& group);

}  // namespace catamaran
