// `catamaran plan` on n devices: what a command line says of step, network, loader and storage, and
// the table, JSON and picture of what trainer/plan_simulation.h predicts.
//
//   ScalingArguments given;  add_scaling_options(*command, given);
//   if (given.wanted()) { const ScalingPlan plan = plan_scaling(given, planned);
//                         std::fputs(scaling_text(plan).c_str(), stdout); }
//
// Errors: UsageError naming the option. One thread at a time.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "launch/plan_table.h"
#include "trainer/plan_simulation.h"

namespace catamaran {

struct ScalingArguments {
  std::filesystem::path step;  // one of these three
  std::string gpu;
  double step_seconds = 0;
  std::vector<int64_t> ranks;
  std::string scaling = "weak";
  std::filesystem::path network;
  double bandwidth_gbits = 100;       // of a node
  double node_bandwidth_gbits = 800;  // of a device inside its node
  double latency_us = 10;
  double node_latency_us = 5;
  int64_t gpus_per_node = 8;
  double exchange_share = 0;
  int64_t cores_per_node = 0;
  double spread = -1;  // below 0: that of the step
  double loader_images_per_second = 0;
  double storage_bytes_per_second = 0;
  double image_bytes = 0;  // 0: of the pack, else COCO's mean
  int64_t images = 0;      // of an epoch; 0: of the pack, else COCO 2014's
  std::filesystem::path plot;

  bool wanted() const { return !step.empty() || !gpu.empty() || step_seconds > 0; }
};
void add_scaling_options(CLI::App& command, ScalingArguments& given);

// What another bucket size would give with the most ranks of the table.
struct BucketChoice {
  int64_t bucket_bytes = 0;
  double step_seconds = 0;
};

struct ScalingPlan {
  std::string source;                // of the step's times
  bool published_is_faster = false;  // it is of mixed precision, and the configuration is of fp32
  MeasuredStep step;
  Network network;
  Workload work;
  std::vector<ReadyGradient> buckets;
  std::vector<StepPrediction> rows;
  std::vector<int64_t> left_out;      // ranks that do not divide the global batch
  std::vector<BucketChoice> choices;  // by size
  int64_t bucket_bytes = 0;           // of the configuration
  MemoryPlan memory;

  const BucketChoice* best() const;  // nullptr: there is nothing to exchange
};
ScalingPlan plan_scaling(const ScalingArguments& given, const PlannedConfig& planned);

std::string scaling_text(const ScalingPlan& plan);
nlohmann::json scaling_json(const ScalingPlan& plan);
// Efficiency over devices, both as the table has them.
void plot_scaling(const std::filesystem::path& file, const ScalingPlan& plan);

}  // namespace catamaran
