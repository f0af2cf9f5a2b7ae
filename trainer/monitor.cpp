#include "trainer/monitor.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "monitoring/run_log.h"
#include "monitoring/step_lines.h"
#include "support/atomic_file.h"
#include "support/log.h"
#include "support/progress.h"

namespace catamaran {
namespace {

std::string progress_note(const StepReport& report) {
  char note[160];
  std::snprintf(note, sizeof note, "epoch %ld, loss %.4f, lr %.2e, %.1f img/s, data wait %.1f %%",
                report.epoch + 1, report.loss, report.learning_rate, report.images_per_second(),
                100 * report.data_wait_ratio());
  return note;
}

}  // namespace

struct Monitor::Root {
  Root(const RunOptions& options, const MonitorSetup& setup)
      : run_dir(setup.run_dir),
        log_every(options.log.every_steps),
        capacity(setup.prefetch_batches),
        metrics(setup.info),
        endpoint(options.monitoring.enabled
                     ? std::make_unique<MetricsEndpoint>(metrics, options.monitoring)
                     : nullptr),
        log(setup.run_dir / "metrics.jsonl", setup.info.first_step + 1),
        progress("training", setup.info.total_steps, "steps") {
    if (endpoint) {
      write_file_atomically(run_dir / "metrics-address.txt", endpoint->url() + "\n",
                            ErrorKind::kUsage);
      log::info("Prometheus metrics at " + endpoint->url());
    }
    if (options.log.samples) samples.emplace(run_dir / "samples.jsonl", setup.info.first_step + 1);
  }

  std::filesystem::path run_dir;
  int64_t log_every;
  int64_t capacity;
  Metrics metrics;
  std::unique_ptr<MetricsEndpoint> endpoint;  // first of all: its port may be taken
  RunLog log;
  std::optional<StepLines> samples;
  Progress progress;
};

Monitor::Monitor(const ProcessGroup& group, const RunOptions& options, const MonitorSetup& setup)
    : root_(group.is_root() && !setup.run_dir.empty() ? std::make_unique<Root>(options, setup)
                                                      : nullptr) {}

Monitor::~Monitor() = default;

void Monitor::set_state(RunState state) {
  if (root_) root_->metrics.set_state(state);
}

void Monitor::record(const StepReport& report) {
  if (!root_) return;
  if (report.step % root_->log_every == 0) root_->log.record(report);
  root_->metrics.record(report);
  root_->progress.set(report.step, progress_note(report));
}

bool Monitor::wants_samples() const { return root_ && root_->samples.has_value(); }

void Monitor::record_samples(int64_t step, const std::vector<std::string>& ids) {
  if (wants_samples()) root_->samples->append({{"step", step}, {"ids", ids}});
}

void Monitor::record_loader(const LoaderCounters& counters) {
  if (!root_) return;
  root_->metrics.record_loader({.read_bytes = counters.read_bytes,
                                .decode_seconds = counters.decode_seconds,
                                .cache_hits = counters.cache_hits,
                                .ready_batches = counters.ready_batches,
                                .capacity_batches = root_->capacity});
}

void Monitor::record(const Evaluation& evaluation, const std::string& name,
                     const std::string& weights, int64_t step, double seconds) {
  if (!root_) return;
  root_->metrics.record_evaluation(weights, evaluation, seconds);
  nlohmann::json file = nlohmann::json::parse(evaluation_json(evaluation));
  file["weights"] = weights;
  file["step"] = step;
  file["seconds"] = seconds;
  write_file_atomically(root_->run_dir / "eval" / (name + ".json"), file.dump(2) + "\n",
                        ErrorKind::kUsage);
  log::info(text("%s: mAP %.2f, OF1 %.2f, CF1 %.2f (%s weights, %ld images, %.1f s)", name.c_str(),
                 100 * evaluation.map, 100 * evaluation.all.of1, 100 * evaluation.all.cf1,
                 weights.c_str(), evaluation.images, seconds));
}

void Monitor::record_consistency_check(bool agreed) {
  if (root_) root_->metrics.record_consistency_check(agreed);
}

void Monitor::checkpoint_ended(bool ok, const std::string& kind, double write_seconds,
                               double stall_seconds, int64_t bytes) {
  if (root_)
    root_->metrics.record_checkpoint(ok ? CheckpointResult::kOk : CheckpointResult::kError, kind,
                                     write_seconds, stall_seconds, bytes);
}

}  // namespace catamaran
