// Monitor: what rank 0 tells the world while it trains: metrics.jsonl, samples.jsonl, eval/*.json,
// Prometheus, progress bar. On other ranks, and without a run directory, every call does nothing.
//
//   Monitor monitor(group, request, setup);
//   monitor.record(report);  monitor.record(evaluation, epochs_done, step);
//
// Only the thread that runs the step loop, except checkpoint_ended, which the writer's thread
// calls. Errors: UsageError when a file of the run directory cannot be written or the metrics port
// is taken.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "dataio/loader.h"
#include "evaluation/protocol.h"
#include "monitoring/metrics.h"
#include "monitoring/step_report.h"
#include "trainer/options.h"

namespace catamaran {

struct MonitorSetup {
  std::filesystem::path run_dir;
  RunInfo info;
  int64_t prefetch_batches = 0;
};

class Monitor {
 public:
  Monitor(const ProcessGroup& group, const RunOptions& options, const MonitorSetup& setup);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  void set_state(RunState state);
  void record(const StepReport& report);
  void record_samples(int64_t step, const std::vector<std::string>& ids);
  bool wants_samples() const;
  void record_loader(const LoaderCounters& counters);
  // name: "epoch-0003" or "step-00001234".
  void record(const Evaluation& evaluation, const std::string& name, const std::string& weights,
              int64_t step, double seconds);
  void record_consistency_check(bool agreed);
  void checkpoint_ended(bool ok, const std::string& kind, double write_seconds,
                        double stall_seconds, int64_t bytes);

 private:
  struct Root;
  std::unique_ptr<Root> root_;  // rank 0 only
};

}  // namespace catamaran
