// Metrics: every Prometheus series of a run (monitoring/metric_table.h lists them), and the HTTP
// endpoint that serves them. Rank 0 has one; other ranks construct nothing.
//
//   Metrics metrics(info);
//   MetricsEndpoint endpoint(metrics, options);      // endpoint.url()
//   metrics.set_state(RunState::kTrain);
//   metrics.record(report);
//   metrics.record_evaluation("ema", evaluation, seconds);
//
// Names, labels and buckets: docs/metrics.md. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evaluation/protocol.h"
#include "monitoring/step_report.h"

namespace catamaran {

struct RunInfo {
  std::string version, git, torch, nccl, mpi;    // build_info
  std::string run, config_hash, dataset, model;  // run_info
  int64_t world_size = 1, global_batch = 0, total_steps = 0, steps_per_epoch = 0;
  int64_t first_step = 0;  // steps done when this life of the run began
};

enum class RunState { kInit, kTrain, kEval, kCheckpoint, kFinish };
enum class CheckpointResult { kOk, kError };

struct LoaderTotals {
  int64_t read_bytes = 0;
  double decode_seconds = 0;
  int64_t cache_hits = 0;
  int64_t ready_batches = 0;  // right now
  int64_t capacity_batches = 0;
};

class Metrics {
 public:
  explicit Metrics(const RunInfo& info);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void set_state(RunState state);
  void record(const StepReport& report);
  // weights: raw, ema.
  void record_evaluation(const std::string& weights, const Evaluation& evaluation, double seconds);
  // kind: periodic, best, signal, final. Of a checkpoint that failed only the stall is counted.
  void record_checkpoint(CheckpointResult result, const std::string& kind, double write_seconds,
                         double stall_seconds, int64_t bytes);
  // The loader's totals of this process, so they never fall.
  void record_loader(const LoaderTotals& totals);
  void record_consistency_check(bool agreed);

  // Prometheus text format 0.0.4: what the endpoint serves.
  std::string text() const;

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

struct MonitoringOptions {
  bool enabled = true;
  std::string address = "0.0.0.0";
  int64_t port = 0;  // 0: the kernel picks one, which the log and RUN/metrics-address.txt name

  std::vector<std::string> problems() const;  // support/problems.h
  void check() const;                         // UsageError naming the keys
};

// Serves GET /metrics; every other path is 404. Clients that connect and say nothing hold one of
// its threads for a second at most. A port that is taken is a UsageError that names it and port =
// 0.
class MetricsEndpoint {
 public:
  MetricsEndpoint(Metrics& metrics, const MonitoringOptions& options);
  ~MetricsEndpoint();
  MetricsEndpoint(const MetricsEndpoint&) = delete;
  MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;
  int port() const;
  std::string url() const;  // http://HOST:PORT/metrics

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace catamaran
