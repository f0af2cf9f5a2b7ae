// Monitor: what rank 0 tells the world while it trains: metrics.jsonl, samples.jsonl, ranks.jsonl,
// events.jsonl, eval/*.json, curves/*.json, Prometheus and its discovery file, TensorBoard,
// progress bar. On other ranks, and without a run directory, every call does nothing.
//
//   Monitor monitor(options, {.directory = &run_directory, .info = info});
//   monitor.announce();                               // the start has not failed
//   monitor.record(report);  monitor.record(evaluation, epochs_done, step);
//   monitor.ended_cleanly();                          // exit code 0 or 75
//
// Only the thread that runs the step loop, except checkpoint_ended, which the writer's thread
// calls. Errors: UsageError when a file of the run directory or of the discovery folder cannot be
// made at the start, or the metrics port cannot be had; WeightsError when the run directory is no
// longer held at the start. What storage does not take later is left out with a warning; nothing is
// written where the run directory was once it has been moved away, while logs that are open in it
// go on. Once another job has taken it over the logs get no further line, either, from the next
// change of state on: it is said once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluation/curves.h"
#include "evaluation/protocol.h"
#include "monitoring/metrics.h"
#include "monitoring/rank_figures.h"
#include "monitoring/step_report.h"
#include "trainer/checkpoint_writer.h"
#include "trainer/options.h"
#include "trainer/run_directory.h"

namespace catamaran {

struct MonitorSetup {
  const RunDirectory* directory = nullptr;  // of rank 0; must outlive the monitor
  RunInfo info;
  std::vector<GpuName> gpus;  // by rank; empty: none is known
  // Steps that an earlier life logged after this one's first are a sign of a stop that was not
  // clean, and warned of.
  bool expects_clean_stop = false;
};

class Monitor {
 public:
  Monitor(const RunOptions& options, const MonitorSetup& setup);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  void announce();
  void ended_cleanly();

  void set_state(RunState state);
  void record_self_test(double seconds);
  void record_stall(double seconds);
  void record_rollback(int64_t steps);
  void record(const StepReport& report);
  void record_samples(int64_t step, const std::vector<std::string>& ids);
  bool wants_samples() const;
  // Whether anybody can see them; by rank.
  bool wants_figures() const;
  void record_figures(std::span<const RankFigures> ranks, double parameter_norm);
  // name: "epoch-0003" or "step-00001234".
  void record(const Evaluation& evaluation, const std::string& name, const std::string& weights,
              int64_t step, double seconds);
  void record(const EvaluationCurves& curves, const std::string& name);
  void record_consistency_check(bool agreed);
  void follow_heartbeats(std::function<std::vector<double>()> silences);
  void checkpoint_ended(const CheckpointEnd& end);

  // Steps that an earlier life logged and that this one does again.
  int64_t repeated_steps() const;
  // Of a run that is over; none where nobody would see its last page: nothing is served, it is not
  // scraped, or it ended well before there was much to see.
  std::optional<Linger> linger(bool ended_well) const;
  // nullptr where there are none.
  std::shared_ptr<const Metrics> metrics() const;
  std::string run() const;  // its name; empty on other ranks

 private:
  struct Root;
  std::unique_ptr<Root> root_;  // of the rank that has the run directory
};

}  // namespace catamaran
