// SweepPlan: the points that a sweep file stands for (docs/sweeps.md): axes of values over one base
// configuration. A point's id is a hash of its resolved configuration, without what only says how a
// run is run (its name, threads, ports, intervals of logs and checkpoints): the same point has the
// same id and folder each time, so a sweep that is submitted again fills the holes only.
//
//   const SweepPlan plan = read_sweep("sweep.toml", overrides);
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

constexpr int64_t kMostSweepPoints = 10'000;
constexpr int64_t kNothingToDo = -1;

struct SweepPoint {
  std::string id;                // 12 hexadecimal digits
  int64_t index = 0;             // in the plan's order, from 0: the array task's number
  std::filesystem::path folder;  // run directory
  std::vector<std::pair<std::string, std::string>> values;  // of the axes: key, TOML value
  std::vector<std::string> settings;                        // "key=value" for --set, all of them
  int64_t group = 0;       // points of one group differ in run.seed alone
  int64_t batch = 0;       // images of a step
  int64_t per_device = 0;  // and of a micro-batch at most
  int64_t steps = 0;       // of its whole training; 0: no pack is there yet to tell
  // Of a prepared sweep: the step that its next start ends at; 0: the last; or kNothingToDo.
  int64_t until = 0;
};

// [halving]: points are compared on their way, and the worse ones go no further.
struct SweepHalving {
  std::vector<double> rungs;  // shares of a point's steps, ascending, in (0, 1); none: no halving
  double keep = 0.5;          // share of the points that goes on from each
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
  SweepHalving halving;
  std::vector<std::string> duplicates;  // points left out as another one is the same: sentences
  std::vector<std::string> packs;       // that the points name
  bool prepared = false;  // read from what prepare_sweep wrote (launch/sweep_points.h)
};

// A sweep file; out: instead of what the file says.
SweepPlan read_sweep_plan(const std::filesystem::path& file,
                          const std::vector<std::string>& overrides,
                          const std::filesystem::path& out = {});
// Whatever stands for a sweep: a sweep file, a prepared plan (OUT/plans/ID.json), or OUT with the
// newest of those. A prepared plan takes no overrides: UsageError.
SweepPlan read_sweep(const std::filesystem::path& given, const std::vector<std::string>& overrides,
                     const std::filesystem::path& out = {});

// The point of this index; UsageError that names how many there are.
const SweepPoint& point_of(const SweepPlan& plan, int64_t index);

// "batch.global = 32, optimizer.name = sgd": for messages.
std::string values_text(const SweepPoint& point);

// UsageError that lists the points whose batch cannot be cut for so many ranks.
void require_ranks(const SweepPlan& plan, int64_t ranks);

// "0-3,7": indices for sbatch --array.
std::string array_text(const std::vector<int64_t>& indices);

}  // namespace catamaran
