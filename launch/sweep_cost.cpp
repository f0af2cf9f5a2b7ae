#include "launch/sweep_cost.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "dataio/pack.h"
#include "launch/config.h"
#include "launch/plan_scaling.h"
#include "launch/plan_table.h"
#include "model/cost.h"
#include "model/options.h"
#include "support/error.h"
#include "support/text.h"
#include "trainer/api.h"
#include "trainer/plan.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kCocoLabels = 80;
constexpr size_t kMostModels = 8;  // that are measured

const PointState& state_of(const SweepState& state, const SweepPoint& point) {
  return state.points[static_cast<size_t>(point.index)];
}

bool has_cost(PointPhase phase) {
  return phase != PointPhase::kDone && phase != PointPhase::kPruned;
}

// How much of what is left is trained on average, as halving takes points out on the way.
double share_after_halving(const SweepPlan& plan) {
  double all = 0;
  for (const SweepPoint& point : plan.points) all += static_cast<double>(point.steps);
  return plan.halving.rungs.empty() || all == 0 ? 1
                                                : static_cast<double>(expected_steps(plan)) / all;
}

RunOptions options_of(const SweepPlan& plan, const SweepPoint& point) {
  return plan.prepared ? resolve_config(point.folder / kPointConfig, {}).options
                       : resolve_config(plan.config, point.settings).options;
}

int64_t labels_of(const RunOptions& options) {
  const fs::path pack = options.data.train;
  std::error_code code;
  return fs::exists(pack / "pack.json", code)
             ? static_cast<int64_t>(read_pack_manifest(pack).classes.size())
             : kCocoLabels;
}

// Models of the points, each measured once.
class ModelSizes {
 public:
  // Null where there are too many different ones, or one that cannot be measured here.
  const ModelCost* of(const RunOptions& options, int64_t labels) {
    const std::string key = to_json(options.model) + std::to_string(labels);
    if (!costs_.contains(key) && costs_.size() >= kMostModels)
      problem_ = text("the points have more than %zu different models", kMostModels);
    if (!problem_.empty()) return nullptr;
    if (const auto known = costs_.find(key); known != costs_.end()) return &known->second;
    try {
      ModelCost cost = measure_cost(options.model, labels, AttentionKernel::kMaterialised);
      return &costs_.emplace(key, std::move(cost)).first->second;
    } catch (const std::exception& problem) {
      problem_ = std::string("a model cannot be measured here: ") + as_error(problem).what();
      return nullptr;
    }
  }
  const std::string& problem() const { return problem_; }

 private:
  std::map<std::string, ModelCost> costs_;
  std::string problem_;
};

// Epochs of a schedule that is stated in images, for what is planned by epochs.
void count_epochs(const SweepPoint& point, RunOptions& options) {
  if (options.schedule.images <= 0 || point.steps == 0) return;
  const fs::path pack = options.data.train;
  std::error_code code;
  if (!fs::exists(pack / "pack.json", code)) return;
  const int64_t images = std::max<int64_t>(1, read_pack_manifest(pack).images);
  options.schedule.epochs = (options.schedule.images + images - 1) / images;
}

bool is_timed(const CostOptions& options) {
  return !options.step.empty() || !options.gpu.empty() || options.step_seconds > 0;
}

int64_t nodes_of(const CostOptions& options) {
  return (options.ranks + options.ranks_per_node - 1) / options.ranks_per_node;
}

// Of a step of this point on so many ranks.
ScalingPlan timed(const CostOptions& options, const SweepPoint& point, const RunOptions& run,
                  const ModelCost& model, int64_t labels) {
  ScalingArguments given;
  given.step = options.step;
  given.gpu = options.gpu;
  given.step_seconds = options.step_seconds;
  given.ranks = {options.ranks};
  given.scaling = "strong";
  given.gpus_per_node = options.ranks_per_node;
  const PlannedConfig planned{.name = "point " + std::to_string(point.index),
                              .options = run,
                              .labels = labels,
                              .labels_assumed = false,
                              .materialised = model,
                              .fused = model};
  return plan_scaling(given, planned);
}

// By the speed of points that have run here.
void measure_hours(const SweepPlan& plan, const SweepState& state, const CostOptions& options,
                   SweepCost& cost) {
  std::vector<double> seconds_an_image;  // times nodes
  for (const SweepPoint& point : plan.points) {
    const PointState& here = state_of(state, point);
    if (here.images_per_second <= 0) continue;
    const int64_t world = std::max<int64_t>(1, here.world);
    const int64_t nodes = (world + options.ranks_per_node - 1) / options.ranks_per_node;
    seconds_an_image.push_back(static_cast<double>(nodes) / here.images_per_second);
  }
  if (seconds_an_image.empty()) {
    cost.hours_source =
        "the time of a step is not known: --gpu NAME, --step FILE (catamaran bench step) or "
        "--step-seconds tell it";
    return;
  }
  const auto middle = seconds_an_image.begin() + std::ssize(seconds_an_image) / 2;
  std::ranges::nth_element(seconds_an_image, middle);
  cost.node_hours = cost.samples * *middle / 3600;
  cost.hours_source = text("by the speed of %zu points that have run", seconds_an_image.size());
}

}  // namespace

SweepCost cost_of(const SweepPlan& plan, const SweepState& state, const CostOptions& options) {
  SweepCost cost;
  const double share = share_after_halving(plan);
  const bool is_measured = options.sizes || is_timed(options);
  ModelSizes models;
  double disk = 0;
  double hours = 0;
  bool cannot_split = false;
  for (const SweepPoint& point : plan.points) {
    const PointState& here = state_of(state, point);
    const double left =
        has_cost(here.phase)
            ? share * static_cast<double>(std::max<int64_t>(0, point.steps - here.step))
            : 0;
    if (has_cost(here.phase)) {
      ++cost.points;
      if (point.steps == 0) ++cost.unknown_steps;
    }
    cost.steps += left;
    cost.samples += left * static_cast<double>(point.batch);
    if (!is_measured) continue;
    RunOptions run = options_of(plan, point);
    count_epochs(point, run);
    const int64_t labels = labels_of(run);
    const ModelCost* model = models.of(run, labels);
    if (model == nullptr) continue;
    disk += static_cast<double>(plan_checkpoints(run, *model).most_bytes());
    if (!is_timed(options) || left <= 0) continue;
    const ScalingPlan speed = timed(options, point, run, *model, labels);
    cost.hours_source = speed.source;
    cannot_split = cannot_split || speed.rows.empty();
    if (!speed.rows.empty())
      hours += left * speed.rows.front().seconds / 3600 * static_cast<double>(nodes_of(options));
  }
  if (!models.problem().empty()) {
    cost.disk_source = models.problem();
    if (is_timed(options)) cost.hours_source = models.problem();
  } else if (is_measured) {
    cost.disk_bytes = disk;
    if (is_timed(options) && !cannot_split) cost.node_hours = hours;
    if (cannot_split)
      cost.hours_source = text("a point's batch does not divide among %ld ranks", options.ranks);
  }
  if (!is_timed(options)) measure_hours(plan, state, options, cost);
  return cost;
}

std::string cost_text(const SweepCost& cost) {
  std::string all = text("left: %ld points", cost.points);
  if (cost.steps > 0) all += text(", %.0f steps, %.0f images", cost.steps, cost.samples);
  all += "\n";
  if (cost.unknown_steps > 0) {
    all += text(
        "%ld of them are not in these numbers: nobody knows their steps before there is a "
        "training pack\n",
        cost.unknown_steps);
  }
  if (cost.node_hours) {
    all += text("node-hours: %.2f (", *cost.node_hours) + cost.hours_source + ")\n";
  } else if (!cost.hours_source.empty()) {
    all += "node-hours: not known; " + cost.hours_source + "\n";
  }
  if (cost.disk_bytes) {
    all += text("disk: at most %.2f GiB of checkpoints for all points\n",
                *cost.disk_bytes / (1 << 30));
  } else if (!cost.disk_source.empty()) {
    all += "disk: not known; " + cost.disk_source + "\n";
  }
  return all;
}

nlohmann::json cost_json(const SweepCost& cost) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  return {{"points", cost.points},
          {"points_of_unknown_steps", cost.unknown_steps},
          {"steps", cost.steps},
          {"samples", cost.samples},
          {"node_hours", optional(cost.node_hours)},
          {"node_hours_source", cost.hours_source},
          {"disk_bytes", optional(cost.disk_bytes)},
          {"disk_source", cost.disk_source}};
}

}  // namespace catamaran
