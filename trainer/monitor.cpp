#include "trainer/monitor.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "monitoring/progress_note.h"
#include "monitoring/run_log.h"
#include "monitoring/step_lines.h"
#include "monitoring/tensorboard.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/line_file.h"
#include "support/log.h"
#include "support/progress.h"

namespace catamaran {
namespace {

std::string note_of(const StepReport& report, const std::optional<double>& map) {
  return progress_note({.epoch = report.epoch,
                        .loss = report.loss,
                        .learning_rate = report.learning_rate,
                        .images_per_second = report.images_per_second(),
                        .data_wait_ratio = report.data_wait_ratio(),
                        .map = map});
}

// Times of every rank in about so many lines of a run.
constexpr int64_t kRankLines = 1000;

// Four digits of each.
std::vector<double> rounded(const std::vector<double>& seconds) {
  std::vector<double> few;
  for (const double value : seconds) few.push_back(std::stod(text("%.4g", value)));
  return few;
}

}  // namespace

struct Monitor::Root {
  Root(const RunOptions& options, const MonitorSetup& setup)
      : directory(held(*setup.directory)),
        log_every(options.log.every_steps),
        capacity(setup.prefetch_batches),
        metrics(setup.info),
        endpoint(options.monitoring.enabled
                     ? std::make_unique<MetricsEndpoint>(metrics, options.monitoring)
                     : nullptr),
        log(directory.path() / "metrics.jsonl", setup.info.first_step + 1),
        events(directory.path() / "events.jsonl"),
        rank_every(std::max<int64_t>(10, setup.info.total_steps / kRankLines)),
        progress("training", setup.info.total_steps, "steps") {
    if (endpoint) {
      write_file_atomically(directory.path() / "metrics-address.txt", endpoint->url() + "\n",
                            ErrorKind::kUsage, Parents::kMustBeThere);
      log::info("Prometheus metrics at " + endpoint->url());
    }
    const int64_t repeated = log.newest_dropped() - setup.info.first_step;
    if (setup.expects_clean_stop && repeated > 0)
      log::warn(text("the last stop was not clean: %ld steps are repeated", repeated));
    if (options.log.samples)
      samples.emplace(directory.path() / "samples.jsonl", setup.info.first_step + 1);
    if (setup.info.world_size > 1)
      ranks.emplace(directory.path() / "ranks.jsonl", setup.info.first_step + 1);
    if (options.monitoring.tensorboard)
      tensorboard.emplace(directory.path() / "tensorboard", setup.info.first_step);
  }

  static const RunDirectory& held(const RunDirectory& directory) {
    directory.require_held();
    return directory;
  }

  // The lines of a job that has taken the run over are its own; those of a folder that was moved
  // are still this run's.
  void look_at_directory() {
    is_taken_over = directory.hold() == RunHold::kTakenOver;
    if (is_taken_over && !std::exchange(said_taken_over, true))
      log::warn(directory.path().string() +
                ": another job has taken the run directory over; nothing more is logged there");
  }

  // The numbers stand in the log, too: a run does not fail for the file.
  void write_beside(const char* folder_name, const std::string& name, const std::string& text,
                    const char* otherwise) const {
    const std::filesystem::path folder = directory.path() / folder_name;
    std::error_code code;
    try {
      directory.require_held();
      std::filesystem::create_directory(folder, code);  // it alone
      write_file_atomically(folder / name, text, ErrorKind::kUsage, Parents::kMustBeThere);
    } catch (const Error& problem) {
      log::warn(std::string(otherwise) + problem.what());
    }
  }

  const RunDirectory& directory;
  bool is_taken_over = false;
  bool said_taken_over = false;
  int64_t log_every;
  int64_t capacity;
  Metrics metrics;
  std::unique_ptr<MetricsEndpoint> endpoint;  // first of all: its port may be taken
  RunLog log;
  LineFile events;  // the writer of checkpoints' alone
  int64_t rank_every;
  std::optional<StepLines> samples;
  std::optional<StepLines> ranks;  // of several
  std::optional<TensorBoardLog> tensorboard;
  Progress progress;
  std::optional<double> map;  // of the newest evaluation
};

Monitor::Monitor(const RunOptions& options, const MonitorSetup& setup)
    : root_(setup.directory != nullptr ? std::make_unique<Root>(options, setup) : nullptr) {}

Monitor::~Monitor() = default;

void Monitor::set_state(RunState state) {
  if (!root_) return;
  root_->metrics.set_state(state);
  root_->look_at_directory();
}

void Monitor::record_self_test(double seconds) {
  if (root_) root_->metrics.record_self_test(seconds);
}

void Monitor::record(const StepReport& report) {
  if (!root_) return;
  if (report.step % root_->log_every == 0 && !root_->is_taken_over) {
    root_->log.record(report);
    if (root_->tensorboard) root_->tensorboard->record(report);
  }
  if (root_->ranks && report.step % root_->rank_every == 0 && !root_->is_taken_over &&
      !report.compute_seconds_by_rank.empty())
    root_->ranks->append({{"step", report.step},
                          {"compute_seconds", rounded(report.compute_seconds_by_rank)},
                          {"data_wait_seconds", rounded(report.data_wait_seconds_by_rank)}});
  root_->metrics.record(report);
  root_->progress.set(report.step, note_of(report, root_->map));
}

bool Monitor::wants_samples() const {
  return root_ && root_->samples.has_value() && !root_->is_taken_over;
}

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
  root_->map = evaluation.map;
  if (root_->tensorboard && !root_->is_taken_over)
    root_->tensorboard->record(evaluation, weights, step);
  nlohmann::json file = nlohmann::json::parse(evaluation_json(evaluation));
  file["weights"] = weights;
  file["step"] = step;
  file["seconds"] = seconds;
  root_->write_beside("eval", name + ".json", file.dump(2) + "\n",
                      "an evaluation is in the log alone: ");
  log::info(text("%s: mAP %.2f, OF1 %.2f, CF1 %.2f (%s weights, %ld images, %.1f s)", name.c_str(),
                 100 * evaluation.map, 100 * evaluation.all.of1, 100 * evaluation.all.cf1,
                 weights.c_str(), evaluation.images, seconds));
}

void Monitor::record(const EvaluationCurves& curves, const std::string& name) {
  if (root_)
    root_->write_beside("curves", name + ".json", curves_json(curves),
                        "the curves of an evaluation are not written: ");
}

void Monitor::record_consistency_check(bool agreed) {
  if (root_) root_->metrics.record_consistency_check(agreed);
}

void Monitor::follow_heartbeats(std::function<double()> longest_silence) {
  if (root_) root_->metrics.follow_heartbeats(std::move(longest_silence));
}

void Monitor::checkpoint_ended(const CheckpointEnd& end) {
  if (!root_) return;
  root_->metrics.record_checkpoint(end.ok ? CheckpointResult::kOk : CheckpointResult::kError,
                                   end.kind, end.write_seconds, end.stall_seconds, end.bytes);
  if (root_->directory.hold() == RunHold::kTakenOver) return;
  const nlohmann::ordered_json line = {{"event", "checkpoint"},
                                       {"unix_seconds", unix_seconds()},
                                       {"step", end.step},
                                       {"kind", end.kind},
                                       {"ok", end.ok},
                                       {"bytes", end.bytes},
                                       {"write_seconds", end.write_seconds},
                                       {"stall_seconds", end.stall_seconds}};
  root_->events.append(line.dump());  // what it cannot write, the log of steps tells as well
}

}  // namespace catamaran
