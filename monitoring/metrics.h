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
#include <functional>
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

enum class RunState { kInit, kSelfTest, kTrain, kEval, kCheckpoint, kFinish };
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
  // The test of the run directory's storage that a new run begins with.
  void record_self_test(double seconds);
  // longest_silence: seconds since the newest heartbeat of the rank that has been silent for
  // longest; asked at each scrape, in the endpoint's thread, until this goes away.
  void follow_heartbeats(std::function<double()> longest_silence);

  // A step has been recorded: the run does what it is for.
  bool is_ready() const;
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
  bool strict_port = false;  // a port that is taken ends the start, instead of the next free one
  // The log names a rank whose own work takes more than this times the median's; 0: none.
  double straggler_factor = 1.5;
  bool tensorboard = false;  // event files too: monitoring/tensorboard.h

  std::vector<std::string> problems() const;  // support/problems.h
  void check() const;                         // UsageError naming the keys
};

// Serves GET /metrics, /healthz (200 while the process lives) and /readyz (200 once the first step
// is done, 503 before); every other path is 404. Clients that connect and say nothing hold their
// own connection alone, for two seconds. Where the port is taken, the next free one of kPortsTried
// is used, with a warning; none is free, or strict_port: a UsageError that names it and port = 0.
class MetricsEndpoint {
 public:
  static constexpr int kPortsTried = 16;

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
