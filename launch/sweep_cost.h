// What a sweep still costs, before anything is started: steps, images, hours of nodes, disk.
//
//   const SweepCost cost = cost_of(plan, state, {.ranks = 8, .gpu = "a100"});
//   std::fputs(cost_text(cost).c_str(), stdout);
//
// Steps are those that are left, if halving keeps as many as it says. Hours come from a step's time
// that is given or measured elsewhere (as `catamaran plan` takes it), else from the speed of points
// that have run; disk from the models' sizes, which takes a moment for each model that is another.
// What is not known stays empty, with a sentence. Errors: UsageError from the options. One thread
// at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "launch/sweep_points.h"

namespace catamaran {

struct CostOptions {
  int64_t ranks = 1;  // of a point
  int64_t ranks_per_node = 8;
  std::filesystem::path step{};  // at most one of these three
  std::string gpu{};
  double step_seconds = 0;
  bool sizes = true;  // measure the models
};

struct SweepCost {
  int64_t points = 0;         // with work left, or waiting at a rung
  int64_t unknown_steps = 0;  // of them: nobody knows how many steps they have
  double steps = 0;
  double samples = 0;
  std::optional<double> node_hours;
  std::string hours_source;          // "a100: 908 images/s of ..."; where there are no hours: why
  std::optional<double> disk_bytes;  // of the checkpoints of all points, at most
  std::string disk_source;           // where it is not known: why
};
SweepCost cost_of(const SweepPlan& plan, const SweepState& state, const CostOptions& options);

std::string cost_text(const SweepCost& cost);
nlohmann::json cost_json(const SweepCost& cost);

}  // namespace catamaran
