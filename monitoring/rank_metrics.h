// RankMetrics: the series of single ranks and their GPUs (rank_metric_table), made at each scrape
// from what was told last.
//
//   RankMetrics ranks(world);
//   ranks.set_seconds(report.compute_seconds_by_rank, report.data_wait_seconds_by_rank);
//   ranks.set_gpus({{.uuid = "GPU-1", .host = "node7"}, ...});   // by rank, once
//   ranks.set_gpu_figures(figures);                              // by rank
//   ranks.follow_heartbeats([...] { return silences; });
//
// Worlds of up to kMostRanksShown have a series a rank; in all there are the least, the lower one
// in the middle and the greatest (`stat`), of GPUs the one or the other. A number that is NaN on
// every rank has no series. Thread-safe.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "monitoring/rank_figures.h"

namespace catamaran {

class RankMetrics : public prometheus::Collectable {
 public:
  explicit RankMetrics(int64_t world);

  // By rank.
  void set_seconds(const std::vector<double>& compute, const std::vector<double>& data_wait);
  void set_gpus(std::vector<GpuName> names);
  void set_gpu_figures(std::vector<GpuFigures> figures);
  // silences: seconds since the newest heartbeat of each rank but 0, in any order; called at each
  // scrape.
  void follow_heartbeats(std::function<std::vector<double>()> silences);
  // Of the rank that has been silent for longest, 0 where there is no other one; nullopt: nobody is
  // followed.
  std::optional<double> longest_silence() const;

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::vector<double> silences() const;

  size_t world_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<double> compute_;
  std::vector<double> data_wait_;
  std::vector<GpuName> gpus_;
  std::vector<GpuFigures> gpu_figures_;
  std::function<std::vector<double>()> silences_;
};

}  // namespace catamaran
