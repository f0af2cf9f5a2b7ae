// What `sweep plan` and `sweep show` print: tables in Markdown, CSV (quoted as RFC 4180 has it) and
// JSON.
//
//   std::fputs(points_text(plan, state, PointOrder::kBest).c_str(), stdout);
//   std::fputs(seeds_text(plan, state).c_str(), stdout);           // mean ± sd; "" without seeds
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launch/sweep_points.h"

namespace catamaran {

enum class PointOrder {
  kIndex,
  kBest,  // by the metric; points without a value last, by index
};
std::vector<int64_t> ordered(const SweepPlan& plan, const SweepState& state, PointOrder order);

// Points that differ in run.seed alone. The standard deviation is the sample's, over n - 1.
struct SeedGroup {
  std::vector<std::pair<std::string, std::string>> values;  // without run.seed
  std::vector<int64_t> indices;
  int64_t count = 0;           // with a value
  std::optional<double> mean;  // of those
  std::optional<double> sd;    // of two or more
};
// The best first, those without a value last.
std::vector<SeedGroup> seed_groups(const SweepPlan& plan, const SweepState& state);

// The failed points by what they failed of, the most frequent first. Causes that differ in numbers
// or in the point's own folder are one, told in the words of the first.
struct FailureGroup {
  std::string reason;
  std::vector<int64_t> indices;
};
std::vector<FailureGroup> failure_groups(const SweepPlan& plan, const SweepState& state);

std::string points_text(const SweepPlan& plan, const SweepState& state, PointOrder order);
std::string seeds_text(const SweepPlan& plan, const SweepState& state);
// "2 points (1, 4): there is no pack at ..."; a line each, empty without failures.
std::string failures_text(const SweepPlan& plan, const SweepState& state);
// "3 done, 1 failed, 2 pending".
std::string counts_text(const SweepState& state);
// "71.23 %", of a loss "0.1234".
std::string value_text(const std::string& metric, double value);

std::string points_csv(const SweepPlan& plan, const SweepState& state, PointOrder order);
// A line for each group of seeds.
std::string seeds_csv(const SweepPlan& plan, const SweepState& state);
nlohmann::json sweep_json(const SweepPlan& plan, const SweepState& state, PointOrder order);

}  // namespace catamaran
