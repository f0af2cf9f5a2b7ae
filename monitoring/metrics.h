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
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "evaluation/protocol.h"
#include "monitoring/rank_figures.h"
#include "monitoring/step_report.h"
#include "support/clock.h"

namespace catamaran {

// What earlier starts of the run leave to tell; nothing for its first one.
struct RunHistory {
  int64_t restarts = 0;
  int64_t restarts_without_progress = 0;  // the newest ones, in a row
  int64_t lost_steps = 0;                 // done again, over its whole life
  double first_start_unix_seconds = 0;    // 0: this one is the first
  double useful_seconds = 0;              // of the steps that this start goes on from
  double best_map = 0;
};

struct RunInfo {
  std::string version, git, torch, nccl, mpi;    // build_info
  std::string run, config_hash, dataset, model;  // run_info
  int64_t world_size = 1, global_batch = 0, total_steps = 0, steps_per_epoch = 0;
  int64_t first_step = 0;  // steps done when this life of the run began
  int64_t checkpoint_every_steps = 0, evaluate_every_steps = 0;  // 0: at the end only
  int64_t queue_capacity_batches = 0;                            // of a rank's loader
  int64_t heads_with_loss = 0;      // whose own logits' losses count: StepReport::head_losses
  double started_unix_seconds = 0;  // of this process; 0: now
  double deadline_unix_seconds = std::numeric_limits<double>::infinity();
  RunHistory history;
};

enum class RunState { kInit, kSelfTest, kTrain, kEval, kCheckpoint, kFinish };
enum class CheckpointResult { kOk, kError, kSkipped };

// Where a run stands, for its last page (monitoring/final_page.h).
struct RunNumbers {
  std::string state;
  double step = 0, epoch = 0, progress_ratio = 0, loss = 0, best_map_ratio = 0;
};

class Metrics {
 public:
  // steady: seconds of a clock that never jumps; tests give their own.
  explicit Metrics(const RunInfo& info, std::function<double()> steady = steady_seconds);
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
  // The step loop stood still for a checkpoint, all of it.
  void record_stall(double seconds);
  // The test of the run directory's storage that a new run begins with.
  void record_self_test(double seconds);
  // So many steps were undone by going back to a checkpoint.
  void record_rollback(int64_t steps);
  void record_consistency_check(bool agreed);
  // Of all ranks, by rank; parameter_norm: of the trained weights.
  void record_figures(std::span<const RankFigures> ranks, double parameter_norm);
  // In place of the one that RunInfo had.
  void set_history(const RunHistory& history);
  // By rank.
  void set_gpus(std::vector<GpuName> names);
  // Where the run directory is; to be told again and again: one that is a minute old is not shown.
  void set_free_bytes(double bytes);
  // silences: seconds since the newest heartbeat of each rank but 0; asked at each scrape, in the
  // endpoint's thread, until this goes away.
  void follow_heartbeats(std::function<std::vector<double>()> silences);

  // A step has been recorded: the run does what it is for.
  bool is_ready() const;
  // Prometheus text format 0.0.4: what the endpoint serves.
  std::string text() const;
  RunNumbers numbers() const;

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
  // At an end that must be seen the page is served until it is scraped once more, for so long at
  // most; 0: never.
  double linger_seconds = 30;
  std::string discovery_folder;  // monitoring/discovery.h; empty: none
  std::string cluster;           // its label; empty: SLURM_CLUSTER_NAME, where that is set

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
  std::string target() const;  // HOST:PORT
  std::string url() const;     // http://HOST:PORT/metrics

  // Scrapes of /metrics so far, and seconds since the newest one; infinite before the first.
  int64_t scrapes() const;
  double seconds_since_scrape() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

// Whether the last page of a run that is over has to be served any longer: until it has been
// scraped, for linger_seconds at most. Over at once where nobody has scraped within as long a time.
//
//   const Linger linger(endpoint, options.linger_seconds);
//   while (!linger.is_over() && !signalled()) sleep;
class Linger {
 public:
  Linger(const MetricsEndpoint& endpoint, double seconds);
  bool is_over() const;

 private:
  const MetricsEndpoint& endpoint_;
  double seconds_;
  int64_t scrapes_before_;
  bool is_watched_;
  Stopwatch watch_;
};

}  // namespace catamaran
