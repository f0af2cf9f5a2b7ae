// SweepPlan: the points that a sweep file stands for (docs/sweeps.md): axes of values over one base
// configuration. A point's id is a hash of its resolved configuration, without the seed's sweep
// index or paths of the run: the same point has the same id and folder each time, so a sweep that
// is submitted again fills the holes only.
//
//   const SweepPlan plan = read_sweep_plan("sweep.toml", overrides);
//   for (const SweepPoint& point : plan.points) point.folder;   // OUT/3f9a1c20d4e1
//
// Errors: UsageError that lists all problems of the file at once, each with its line; a point whose
// configuration does not hold is one of them, with the point's values. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace catamaran {

struct SweepPoint {
  std::string id;                // 12 hexadecimal digits
  int64_t index = 0;             // in the plan's order, from 0: the array task's number
  std::filesystem::path folder;  // run directory
  std::vector<std::pair<std::string, std::string>> values;  // of the axes: key, TOML value
  std::vector<std::string> settings;                        // "key=value" for --set, all of them
};

struct SweepPlan {
  std::string name;
  std::filesystem::path file;     // the sweep file, absolute
  std::filesystem::path config;   // the base configuration, absolute
  std::filesystem::path out;      // folder of the points
  std::vector<std::string> keys;  // of the axes, in the file's order
  std::vector<SweepPoint> points;
  std::string metric = "best_map";  // what the table ranks by
  bool higher_is_better = true;
  int64_t max_parallel = 0;  // Slurm's %N; 0: no bound
};

SweepPlan read_sweep_plan(const std::filesystem::path& file,
                          const std::vector<std::string>& overrides);

// "0-3,7": indices for sbatch --array.
std::string array_text(const std::vector<int64_t>& indices);

}  // namespace catamaran
