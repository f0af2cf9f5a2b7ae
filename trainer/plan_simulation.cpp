#include "trainer/plan_simulation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/assert.h"

namespace catamaran {
namespace {

constexpr double kSecondsOfHour = 3600;
constexpr int64_t kFloatBytes = sizeof(float);

double transfer(const Link& link, double bytes) {
  return link.bandwidth_bytes_per_second > 0 ? bytes / link.bandwidth_bytes_per_second : 0;
}

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How much longer compute takes where ranks share cores.
double slowdown(const Network& network, int64_t ranks) {
  if (network.cores_per_node <= 0) return 1;
  const int64_t on_node = std::min(ranks, network.ranks_per_node);
  return std::max(1.0, static_cast<double>(on_node) / static_cast<double>(network.cores_per_node));
}

std::vector<ReadyGradient> stretched(std::vector<ReadyGradient> buckets, double factor) {
  for (ReadyGradient& bucket : buckets) bucket.seconds *= factor;
  return buckets;
}

void split(const Workload& work, StepPrediction& p) {
  if (work.scaling == Scaling::kWeak) {
    p.per_device = work.per_device;
    p.global_batch = work.per_device * p.ranks;
    return;
  }
  const int64_t mine = work.global_batch / p.ranks;
  p.global_batch = work.global_batch;
  p.parts = ceil_divide(mine, work.per_device);
  while (mine % p.parts != 0) ++p.parts;
  p.per_device = mine / p.parts;
}

// Written, on average over steps of `images` images.
double checkpoint_bytes_per_step(const Workload& work, double images) {
  const double steps_per_epoch = static_cast<double>(work.images_per_epoch) / images;
  const double every = work.checkpoint_every_steps > 0
                           ? work.checkpoint_every_steps
                           : work.checkpoint_every_epochs * steps_per_epoch;
  return every > 0 ? work.checkpoint_bytes / every : 0;
}

StepPrediction predict_without_efficiency(const MeasuredStep& step,
                                          const std::vector<ReadyGradient>& buckets,
                                          const Network& network, const Workload& work,
                                          int64_t ranks) {
  StepPrediction p;
  p.ranks = ranks;
  split(work, p);
  const double slower = slowdown(network, ranks);
  const double factor =
      slower * static_cast<double>(p.per_device) / static_cast<double>(step.images);
  const double backward = factor * step.backward_seconds;
  const double compute = static_cast<double>(p.parts) * (factor * step.forward_seconds + backward);
  for (const ReadyGradient& bucket : buckets)
    p.exchange_seconds += all_reduce_seconds(network, bucket.bytes, ranks);
  p.exposed_seconds = exposed_seconds(stretched(buckets, factor), backward, network, ranks);
  p.waiting_seconds = step.spread * compute * expected_maximum(ranks);
  const double working =
      compute + p.exposed_seconds + p.waiting_seconds + slower * step.optimizer_seconds;
  const double images = static_cast<double>(p.global_batch);
  const double loading = work.loader_images_per_second > 0
                             ? images / static_cast<double>(ranks) / work.loader_images_per_second
                             : 0;
  const double storing =
      work.storage_bytes_per_second > 0
          ? (images * work.image_bytes + checkpoint_bytes_per_step(work, images)) /
                work.storage_bytes_per_second
          : 0;
  p.seconds = std::max({working, loading, storing});
  p.limit = p.seconds == working ? "compute" : p.seconds == loading ? "loader" : "storage";
  p.images_per_second = images / p.seconds;
  p.epoch_seconds = static_cast<double>(work.images_per_epoch) / p.images_per_second;
  p.device_hours = static_cast<double>(ranks) * work.epochs * p.epoch_seconds / kSecondsOfHour;
  return p;
}

}  // namespace

double expected_maximum(int64_t n) {
  if (n <= 1) return 0;
  // Blom: the quantile of (n - 3/8) / (n + 1/4), by bisection.
  const double share = (static_cast<double>(n) - 0.375) / (static_cast<double>(n) + 0.25);
  double low = 0;
  double high = 10;
  for (int round = 0; round < 60; ++round) {
    const double middle = (low + high) / 2;
    const double below = 1 - 0.5 * std::erfc(middle / std::sqrt(2.0));
    (below < share ? low : high) = middle;
  }
  return low;
}

double all_reduce_seconds(const Network& network, int64_t bytes, int64_t ranks) {
  CATAMARAN_ASSERT(ranks > 0 && network.ranks_per_node > 0, "a job has ranks and nodes");
  const int64_t on_node = std::min(ranks, network.ranks_per_node);
  const int64_t nodes = ceil_divide(ranks, network.ranks_per_node);
  const auto size = static_cast<double>(bytes);
  double seconds = 0;
  if (on_node > 1) {
    const double messages = 2.0 * static_cast<double>(on_node - 1);
    seconds += messages * (network.inside.latency_seconds +
                           transfer(network.inside, size / static_cast<double>(on_node)));
  }
  if (nodes > 1) {
    const auto m = static_cast<double>(nodes);
    seconds += 2 * std::ceil(std::log2(m)) * network.between.latency_seconds +
               transfer(network.between, size * 2 * (m - 1) / m);
  }
  return seconds;
}

std::vector<ReadyGradient> pack_buckets(const std::vector<ReadyGradient>& gradients,
                                        const BucketSizes& sizes, int64_t value_bytes) {
  std::vector<int64_t> elements;
  for (const ReadyGradient& gradient : gradients) elements.push_back(gradient.bytes / kFloatBytes);
  std::vector<size_t> order(gradients.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<ReadyGradient> buckets;
  for (const std::span<const size_t> part : cut_into_buckets(elements, order, sizes)) {
    ReadyGradient bucket;
    for (const size_t g : part) {
      bucket.bytes += value_bytes * elements[g];
      bucket.seconds = std::max(bucket.seconds, gradients[g].seconds);
    }
    buckets.push_back(bucket);
  }
  return buckets;
}

double exposed_seconds(const std::vector<ReadyGradient>& buckets, double backward_seconds,
                       const Network& network, int64_t ranks) {
  if (ranks <= 1) return 0;
  double free_at = 0;  // the exchange
  double delay = 0;    // of backward, by what runs beside it
  for (const ReadyGradient& bucket : buckets) {
    const double ready = std::min(bucket.seconds, backward_seconds) + delay;
    const double start = std::max(ready, free_at);
    const double seconds = all_reduce_seconds(network, bucket.bytes, ranks);
    const double left = backward_seconds + delay - start;
    if (left > 0) delay += network.exchange_share * seconds;
    free_at = start + seconds;
  }
  return std::max(backward_seconds + delay, free_at) - backward_seconds;
}

bool can_split(const Workload& work, int64_t ranks) {
  return work.scaling == Scaling::kWeak || work.global_batch % ranks == 0;
}

StepPrediction predict_step(const MeasuredStep& step, const std::vector<ReadyGradient>& buckets,
                            const Network& network, const Workload& work, int64_t ranks) {
  CATAMARAN_ASSERT(can_split(work, ranks), "the caller leaves out what cannot be split");
  StepPrediction p = predict_without_efficiency(step, buckets, network, work, ranks);
  const StepPrediction one = predict_without_efficiency(step, buckets, network, work, 1);
  p.efficiency = p.images_per_second / (static_cast<double>(ranks) * one.images_per_second);
  return p;
}

}  // namespace catamaran
