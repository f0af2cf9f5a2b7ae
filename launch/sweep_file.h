// SweepFile: what a sweep file says (docs/sweeps.md has every key), before its points are made.
//
//   const SweepFile file = read_sweep_file("configs/sweeps/demo.toml");
//   file.problems;                        // each with its place; empty: the file holds
//   file.axes[0].alternatives;            // each a list of settings that go together
//
// All kinds of axes become the same: a list of alternatives, of which every point has one an axis.
// Errors: UsageError where the file cannot be read or is no TOML. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "launch/sweep_plan.h"

namespace catamaran {

// Settings of configuration keys: key, value as TOML.
using Assignment = std::vector<std::pair<std::string, std::string>>;

struct SweepAxis {
  std::vector<Assignment> alternatives;
};

// The settings of `key` count only in points where the configuration's key `on` has one of these.
struct SweepCondition {
  std::string key;
  std::string on;
  std::vector<std::string> values;  // as TOML
};

struct SweepFile {
  std::string name;
  std::filesystem::path config;  // absolute
  std::filesystem::path out;
  Assignment common;            // of every point
  std::vector<SweepAxis> axes;  // in the file's order, seeds last: the last varies fastest
  std::vector<SweepCondition> conditions;
  std::vector<std::string> keys;               // of the axes
  std::map<std::string, std::string> sources;  // of keys of axes and common: "FILE:LINE:COLUMN"
  std::string config_source;
  // scaling is given and base_batch is not: batch.global of the base configuration.
  bool base_batch_of_config = false;
  std::string metric = "best_map";
  int64_t max_parallel = 0;
  SweepHalving halving;
  std::string halving_source;
  std::vector<std::string> problems;
};

SweepFile read_sweep_file(const std::filesystem::path& file);

}  // namespace catamaran
