#include "launch/plan_scaling.h"

#include <algorithm>

#include "dataio/pack.h"
#include "launch/path_checks.h"
#include "launch/plan_inputs.h"
#include "support/error.h"
#include "support/text.h"
#include "trainer/bucket_sizes.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostPlannedRanks = 4096;
constexpr double kCocoImageBytes = 160'000;  // of a JPEG file of COCO, on average
constexpr int64_t kCocoImages = 82'081;      // of train2014 with a label
constexpr double kBitsPerGigabit = 1e9 / 8;
constexpr double kMicro = 1e-6;
constexpr int64_t kMebibyte = int64_t{1} << 20;

Link link_of(double gbits, double microseconds) {
  return {.latency_seconds = kMicro * microseconds,
          .bandwidth_bytes_per_second = gbits * kBitsPerGigabit};
}

Network network_of(const ScalingArguments& given) {
  Network network;
  network.ranks_per_node = given.gpus_per_node;
  network.inside = given.network.empty()
                       ? link_of(given.node_bandwidth_gbits, given.node_latency_us)
                       : read_link(given.network);
  network.between = link_of(given.bandwidth_gbits, given.latency_us);
  network.exchange_share = given.exchange_share;
  network.cores_per_node = given.cores_per_node;
  return network;
}

MeasuredStep step_of(const ScalingArguments& given, const PlannedConfig& planned,
                     std::string& source) {
  const int64_t images = planned.options.batch.per_device;
  if (!given.step.empty()) {
    source = "measured, " + given.step.string();
    return read_step(given.step);
  }
  if (given.step_seconds > 0) {
    source = text("%g s a step, as given", given.step_seconds);
    return estimated_step(planned.materialised, given.step_seconds, images);
  }
  const PublishedGpu& gpu = published_gpu(given.gpu);
  source = text("%s: %g images/s of %s (%s), in proportion to the operations of a forward pass",
                gpu.name, gpu.images_per_second, gpu.what, gpu.source);
  return estimated_step(planned.materialised, published_seconds(gpu, planned.materialised, images),
                        images);
}

// What the pack says, else the command line or COCO.
void measure_pack(const ScalingArguments& given, const RunOptions& options, Workload& work) {
  work.image_bytes = given.image_bytes > 0 ? given.image_bytes : kCocoImageBytes;
  work.images_per_epoch = given.images > 0 ? given.images : kCocoImages;
  const fs::path manifest = fs::path(options.data.train) / "pack.json";
  if (!fs::exists(manifest)) return;
  const PackManifest pack = read_pack_manifest(options.data.train);
  if (given.images == 0) work.images_per_epoch = pack.images;
  if (given.image_bytes > 0) return;
  double bytes = 0;
  for (const ShardInfo& shard : pack.shards) bytes += static_cast<double>(shard.bytes);
  work.image_bytes = bytes / static_cast<double>(std::max<int64_t>(1, pack.images));
}

Workload workload_of(const ScalingArguments& given, const PlannedConfig& planned,
                     const MemoryPlan& memory) {
  const RunOptions& options = planned.options;
  Workload work;
  work.scaling = given.scaling == "strong" ? Scaling::kStrong : Scaling::kWeak;
  work.per_device = options.batch.per_device;
  work.global_batch = options.batch.global;
  work.loader_images_per_second = given.loader_images_per_second;
  work.storage_bytes_per_second = given.storage_bytes_per_second;
  work.epochs = static_cast<double>(options.schedule.epochs);
  measure_pack(given, options, work);
  if (options.schedule.images > 0) {
    work.epochs = static_cast<double>(options.schedule.images) /
                  static_cast<double>(std::max<int64_t>(1, work.images_per_epoch));
  }
  work.checkpoint_bytes = static_cast<double>(memory.weights + memory.optimizer + memory.ema);
  work.checkpoint_every_steps = static_cast<double>(options.checkpoint.every_steps);
  work.checkpoint_every_epochs = options.checkpoint.every_epochs;
  return work;
}

// As they travel.
std::vector<ReadyGradient> buckets_of(const MeasuredStep& step, const ReducerOptions& reducer) {
  constexpr int64_t kHalf = 2;
  return pack_buckets(step.gradients, bucket_sizes(reducer),
                      reducer.compression == "none" ? int64_t{sizeof(float)} : kHalf);
}

std::vector<BucketChoice> try_buckets(const ScalingPlan& plan, ReducerOptions reducer) {
  std::vector<BucketChoice> choices;
  if (plan.rows.empty() || plan.rows.back().ranks == 1) return choices;
  std::vector<int64_t> sizes = {plan.bucket_bytes};
  for (const int64_t mebibytes : {1, 5, 10, 25, 50, 100}) sizes.push_back(mebibytes * kMebibyte);
  std::ranges::sort(sizes);
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  for (const int64_t size : sizes) {
    reducer.bucket_bytes = size;
    const StepPrediction p = predict_step(plan.step, buckets_of(plan.step, reducer), plan.network,
                                          plan.work, plan.rows.back().ranks);
    choices.push_back({size, p.seconds});
  }
  return choices;
}

std::vector<int64_t> ranks_of(const ScalingArguments& given) {
  std::vector<int64_t> ranks = given.ranks;
  if (ranks.empty()) {
    for (int64_t n = 1; n <= kMostPlannedRanks; n *= 2) ranks.push_back(n);
  }
  std::ranges::sort(ranks);
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

void require_one_source(const ScalingArguments& given) {
  const int sources =
      (given.step.empty() ? 0 : 1) + (given.gpu.empty() ? 0 : 1) + (given.step_seconds > 0 ? 1 : 0);
  if (sources == 1) return;
  throw UsageError("the time of a step was given more than once", "--step, --gpu, --step-seconds",
                   "give one of them");
}

}  // namespace

void add_scaling_options(CLI::App& command, ScalingArguments& given) {
  const std::string of = "On many devices";
  const auto add = [&](const char* name, auto& value, const char* meaning) {
    return command.add_option(name, value, meaning)->group(of);
  };
  add("--step", given.step, "what `catamaran bench step --out` wrote")->check(CLI::ExistingFile);
  add("--gpu", given.gpu, "instead: published throughput of a100, v100, v100-dgx, rtx3090");
  add("--step-seconds", given.step_seconds, "instead: seconds of a step of batch.per_device images")
      ->check(CLI::PositiveNumber);
  add("--ranks", given.ranks, "numbers of devices, like 1,8,64; 1 to 4096 doubling by default")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  add("--scaling", given.scaling, "weak: batch.per_device is kept; strong: batch.global is")
      ->check(CLI::IsMember({"weak", "strong"}))
      ->capture_default_str();
  add("--network", given.network, "inside a node: what `catamaran bench allreduce --out` wrote")
      ->check(CLI::ExistingFile);
  add("--node-bandwidth-gbits", given.node_bandwidth_gbits, "or: of a device inside its node")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add("--node-latency-us", given.node_latency_us, "and of a message there")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add("--bandwidth-gbits", given.bandwidth_gbits, "of a node's network, all its devices together")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add("--latency-us", given.latency_us, "of a message between nodes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add("--gpus-per-node", given.gpus_per_node, "ranks of a node")
      ->check(at_least(1))
      ->capture_default_str();
  add("--exchange-share", given.exchange_share,
      "share of an all-reduce's time taken from compute: 0 on GPUs, 1 where the same cores do both")
      ->check(probability())
      ->capture_default_str();
  add("--cores-per-node", given.cores_per_node,
      "ranks of a node that compute at full speed side by side; 0: all")
      ->check(at_least(0));
  add("--spread", given.spread, "standard deviation / mean of compute; that of the step by default")
      ->check(CLI::NonNegativeNumber);
  add("--loader-images-per-second", given.loader_images_per_second,
      "of a rank's loader (`catamaran bench loader`); 0: no limit")
      ->check(CLI::NonNegativeNumber);
  add("--storage-bytes-per-second", given.storage_bytes_per_second,
      "of the storage, for all ranks together; 0: no limit")
      ->check(CLI::NonNegativeNumber);
  add("--image-bytes", given.image_bytes, "read for an image; of the pack data.train, or COCO's")
      ->check(CLI::NonNegativeNumber);
  add("--images", given.images, "of an epoch; of the pack data.train, or COCO 2014's 82,081")
      ->check(at_least(0));
  add("--plot", given.plot, "write efficiency over devices as PNG")->check(png_file());
}

ScalingPlan plan_scaling(const ScalingArguments& given, const PlannedConfig& planned) {
  require_one_source(given);
  const ActivationType type =
      planned.options.precision.compute == "fp32" ? ActivationType::kFp32 : ActivationType::kBf16;
  ScalingPlan plan;
  plan.memory = plan_memory(planned.options, planned.materialised, type);
  plan.step = step_of(given, planned, plan.source);
  plan.published_is_faster =
      !given.gpu.empty() && planned.options.precision.compute == "fp32";  // all known are of AMP
  if (given.spread >= 0) plan.step.spread = given.spread;
  plan.network = network_of(given);
  plan.work = workload_of(given, planned, plan.memory);
  const ReducerOptions& reducer = planned.options.reducer;
  plan.bucket_bytes = reducer.bucket_bytes;
  plan.buckets = buckets_of(plan.step, reducer);
  for (const int64_t ranks : ranks_of(given)) {
    if (!can_split(plan.work, ranks)) {
      plan.left_out.push_back(ranks);
      continue;
    }
    plan.rows.push_back(predict_step(plan.step, plan.buckets, plan.network, plan.work, ranks));
  }
  plan.choices = try_buckets(plan, reducer);
  return plan;
}

const BucketChoice* ScalingPlan::best() const {
  const auto found = std::ranges::min_element(choices, {}, &BucketChoice::step_seconds);
  return found == choices.end() ? nullptr : &*found;
}

}  // namespace catamaran
