// The rank that holds the others up, by the seconds of its own work before it waits for them: the
// time of a whole step is the same on all ranks.
//
//   const SlowestRank slowest = own_work.add(sums.own_seconds_by_rank);       // each step
//   own_work.means();                                                         // by rank
//   if (const auto line = lines.line(slowest, steady_seconds())) log::info(*line);
//
// OwnWork has the means over the newest steps, so that one image that is slow to decode makes no
// straggler. StragglerLines says a rank that is slower than the median by the factor once, when it
// becomes the one, and no more than a line a minute. One thread at a time each.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "monitoring/step_report.h"

namespace catamaran {

class OwnWork {
 public:
  static constexpr size_t kSteps = 10;

  explicit OwnWork(int world);
  // Seconds of a step, by rank; what is known over the newest steps with it.
  SlowestRank add(std::span<const double> seconds);
  // By rank; 0 before the first step.
  const std::vector<double>& means() const { return means_; }

 private:
  std::deque<std::vector<double>> steps_;  // the newest, by rank
  std::vector<double> means_;
};

class StragglerLines {
 public:
  // factor 0: says nothing. hosts: by rank.
  StragglerLines(double factor, std::vector<std::string> hosts);
  // now: steady_seconds().
  std::optional<std::string> line(const SlowestRank& slowest, double now);

 private:
  double factor_;
  std::vector<std::string> hosts_;
  size_t steps_seen_ = 0;        // up to a whole window: the first steps are like no others
  std::optional<int64_t> said_;  // the rank that was named, while it is the one
  std::optional<double> said_at_;
};

}  // namespace catamaran
