// Successive halving: at each rung, a share of every point's steps, the points are compared, and
// the better ones go on from their checkpoints; nothing is trained twice.
//
//   const int64_t stop = step_of_rung(point.steps, 0.25);
//   const Standing here = standing(halving, record, point, steps_done, value_at);
//   if (const std::optional<Rung> rung = decide(halving, ...)) record.rungs.push_back(*rung);
//
// Points of a group (the same but for run.seed) are compared by the mean of those that have a
// value, and go on together. What was decided stays: a point that comes later, as it was added or
// had failed, goes on where its own value is no worse than the worst that went on. Of equals the
// one of the lower index goes on. Pure functions; thread-safe. Jamieson and Talwalkar 2016.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "launch/sweep_plan.h"

namespace catamaran {

// What was decided at one rung.
struct Rung {
  double share = 0;
  std::vector<std::pair<std::string, std::optional<double>>> compared;  // ids, and their values
  std::set<std::string> kept;                                           // ids
  std::optional<double> bar;  // the worst mean that went on; none: nobody had a value
};

struct RungRecord {
  std::string metric;
  std::vector<Rung> rungs;  // a beginning of the plan's
};

// Rounded up, at least 1 and less than steps where there are so many.
int64_t step_of_rung(int64_t steps, double share);

struct Standing {
  size_t rung = 0;    // the one that it is on its way to, waits at or was pruned at
  int64_t until = 0;  // step of that rung; 0: it is past the last one
  bool waits = false;
  bool pruned = false;
};
// value_at(step): of the metric, by the evaluations up to that step.
using ValueAt = std::function<std::optional<double>(int64_t step)>;
Standing standing(const SweepPlan& plan, const RungRecord& record, const SweepPoint& point,
                  int64_t steps_done, const ValueAt& value_at);

// A point that has come to a rung, or will not as it failed.
struct Contender {
  std::string id;
  int64_t group = 0;
  std::optional<double> value;
};
// contenders: in the plan's order; those without a value never take the place of one with.
Rung decide(double share, double keep, bool higher_is_better,
            const std::vector<Contender>& contenders);

// Steps of all points, if at each rung as many go on as `keep` says; groups count as one.
int64_t expected_steps(const SweepPlan& plan);

nlohmann::json rungs_json(const RungRecord& record);
// What of a record still holds for this plan: the rungs up to the first whose share is another;
// nothing where the metric is. Errors: UsageError where it is no such file.
RungRecord rungs_from_json(const nlohmann::json& json, const SweepPlan& plan,
                           const std::string& where);

}  // namespace catamaran
