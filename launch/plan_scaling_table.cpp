// The table and the JSON of launch/plan_scaling.h.
#include <nlohmann/json.hpp>

#include "launch/plan_scaling.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kGood = 0.01;  // a bucket size that saves less is not worth a word

double gigabytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }
double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

std::string row_text(const ScalingPlan& plan, const StepPrediction& p) {
  const std::string parts =
      p.parts > 1 ? text("%ld x %ld", p.parts, p.per_device) : std::to_string(p.per_device);
  return text("| %ld | %ld | %s | %.2f | %.1f | %.1f %% | %.1f %% | %.2f | %.1f | %.2f | %s |\n",
              p.ranks, p.global_batch, parts.c_str(), 1e3 * p.seconds, p.images_per_second,
              100 * p.efficiency, 100 * p.exposed_seconds / p.seconds,
              gigabytes(plan.memory.at(p.per_device)), p.epoch_seconds, p.device_hours,
              p.limit == "compute" ? "" : p.limit.c_str());
}

// What stands in the way of a row, said once for all rows.
std::string warnings_text(const ScalingPlan& plan) {
  std::string out;
  if (plan.published_is_faster)
    out +=
        "note: the published throughput is of mixed precision (AMP) and precision.compute is "
        "fp32: a step will take longer than this\n";
  for (const char* limit : {"loader", "storage"}) {
    for (const StepPrediction& p : plan.rows) {
      if (p.limit != limit) continue;
      out += text("warning: from %ld device(s) on the %s is the limit: %s\n", p.ranks, limit,
                  std::string(limit) == "loader"
                      ? "more data.threads, data.decode = \"fast\", or a pack of pixels"
                      : "data.stage on the nodes' own disks, data.cache_mib, rarer checkpoints");
      break;
    }
  }
  if (!plan.left_out.empty()) {
    out += text("warning: batch.global = %ld cannot be split over", plan.work.global_batch);
    for (const int64_t ranks : plan.left_out) out += " " + std::to_string(ranks);
    out += " devices: --scaling weak, or a larger batch.global\n";
  }
  for (const StepPrediction& p : plan.rows) {
    if (p.per_device == plan.step.images) continue;
    out += text(
        "note: the step is known for %ld images and taken in proportion for others, which "
        "flatters small ones\n",
        plan.step.images);
    break;
  }
  return out;
}

std::string buckets_text(const ScalingPlan& plan) {
  const BucketChoice* best = plan.best();
  if (best == nullptr) return "";
  double now = 0;
  std::string out = text("buckets on %ld devices, MiB: ms a step:", plan.rows.back().ranks);
  for (const BucketChoice& choice : plan.choices) {
    out += text(" %g: %.2f", mib(choice.bucket_bytes), 1e3 * choice.step_seconds);
    if (choice.bucket_bytes == plan.bucket_bytes) now = choice.step_seconds;
  }
  if (best->step_seconds < (1 - kGood) * now) {
    out += text("; better: reducer.bucket_bytes = %ld", best->bucket_bytes);
  } else {
    out += "; the configuration's is as good as any";
  }
  return out + "\n";
}

}  // namespace

std::string scaling_text(const ScalingPlan& plan) {
  const Network& net = plan.network;
  const MeasuredStep& step = plan.step;
  std::string out = text(
      "\nstep: %s\n%ld images: forward %.2f ms, backward %.2f ms, optimizer %.2f ms; spread %.1f "
      "%%\n%zu bucket(s) of gradients in backward's order; %ld device(s) a node, in a ring of "
      "%.2f GB/s and %.1f us a message, nodes in trees of %.2f GB/s and %.1f us\n\n",
      plan.source.c_str(), step.images, 1e3 * step.forward_seconds, 1e3 * step.backward_seconds,
      1e3 * step.optimizer_seconds, 100 * step.spread, plan.buckets.size(), net.ranks_per_node,
      1e-9 * net.inside.bandwidth_bytes_per_second, 1e6 * net.inside.latency_seconds,
      1e-9 * net.between.bandwidth_bytes_per_second, 1e6 * net.between.latency_seconds);
  out +=
      "| devices | global batch | images a device | ms a step | images/s | efficiency | exchange "
      "exposed | GiB a device | s an epoch | device-hours | limit |\n"
      "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n";
  for (const StepPrediction& row : plan.rows) out += row_text(plan, row);
  return out + warnings_text(plan) + buckets_text(plan);
}

nlohmann::json scaling_json(const ScalingPlan& plan) {
  nlohmann::json rows = nlohmann::json::array();
  for (const StepPrediction& p : plan.rows) {
    rows.push_back({{"ranks", p.ranks},
                    {"global_batch", p.global_batch},
                    {"per_device", p.per_device},
                    {"parts", p.parts},
                    {"step_seconds", p.seconds},
                    {"exchange_seconds", p.exchange_seconds},
                    {"exposed_seconds", p.exposed_seconds},
                    {"waiting_seconds", p.waiting_seconds},
                    {"limit", p.limit},
                    {"images_per_second", p.images_per_second},
                    {"efficiency", p.efficiency},
                    {"memory_bytes", plan.memory.at(p.per_device)},
                    {"epoch_seconds", p.epoch_seconds},
                    {"device_hours", p.device_hours}});
  }
  nlohmann::json buckets = nlohmann::json::array();
  for (const ReadyGradient& bucket : plan.buckets)
    buckets.push_back({{"bytes", bucket.bytes}, {"ready_seconds", bucket.seconds}});
  nlohmann::json choices = nlohmann::json::array();
  for (const BucketChoice& choice : plan.choices)
    choices.push_back(
        {{"bucket_bytes", choice.bucket_bytes}, {"step_seconds", choice.step_seconds}});
  const BucketChoice* best = plan.best();
  return {{"step", plan.source},
          {"scaling", plan.work.scaling == Scaling::kStrong ? "strong" : "weak"},
          {"buckets", buckets},
          {"rows", rows},
          {"left_out", plan.left_out},
          {"bucket_sizes", choices},
          {"best_bucket_bytes",
           best == nullptr ? nlohmann::json() : nlohmann::json(best->bucket_bytes)}};
}

}  // namespace catamaran
