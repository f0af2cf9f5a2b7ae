#include "trainer/monitor.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "monitoring/background_poll.h"
#include "monitoring/discovery.h"
#include "monitoring/progress_note.h"
#include "monitoring/run_log.h"
#include "monitoring/step_lines.h"
#include "monitoring/tensorboard.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/environment.h"
#include "support/error.h"
#include "support/line_file.h"
#include "support/log.h"
#include "support/progress.h"
#include "support/user_name.h"

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

CheckpointResult result_of(const CheckpointEnd& end) {
  if (end.ok) return CheckpointResult::kOk;
  return end.tried ? CheckpointResult::kError : CheckpointResult::kSkipped;
}

constexpr std::chrono::seconds kBetweenLooksAtStorage{15};

// Storage that does not answer holds up the thread that asks, nobody else.
std::function<void()> free_space_watch(std::shared_ptr<Metrics> metrics,
                                       const std::filesystem::path& folder) {
  return [metrics = std::move(metrics), folder] {
    struct statvfs found {};
    const bool known = ::statvfs(folder.c_str(), &found) == 0;
    metrics->set_free_bytes(known ? static_cast<double>(found.f_bavail) *
                                        static_cast<double>(found.f_frsize)
                                  : std::nan(""));
  };
}

DiscoveryTarget discovery_target(const MetricsEndpoint& endpoint, const MonitoringOptions& options,
                                 const std::string& run, const std::filesystem::path& run_dir) {
  return {.file = {},
          .address = endpoint.target(),
          .run = run,
          .slurm_job_id = slurm_job_id(),
          .user = user_name(),
          .cluster =
              options.cluster.empty() ? recorded_variable("SLURM_CLUSTER_NAME") : options.cluster,
          .run_dir = std::filesystem::absolute(run_dir).string()};
}

}  // namespace

struct Monitor::Root {
  Root(const RunOptions& options, const MonitorSetup& setup)
      : directory(held(*setup.directory)),
        monitoring(options.monitoring),
        run(setup.info.run),
        log_every(options.log.every_steps),
        metrics(std::make_shared<Metrics>(setup.info)),
        endpoint(options.monitoring.enabled
                     ? std::make_unique<MetricsEndpoint>(*metrics, options.monitoring)
                     : nullptr),
        log(directory.path() / "metrics.jsonl", setup.info.first_step + 1),
        events(directory.path() / "events.jsonl"),
        rank_every(std::max<int64_t>(10, setup.info.total_steps / kRankLines)),
        repeated(std::max<int64_t>(0, log.newest_dropped() - setup.info.first_step)),
        progress("training", setup.info.total_steps, "steps"),
        free_space("free-space", kBetweenLooksAtStorage,
                   free_space_watch(metrics, directory.path())) {
    metrics->set_history(history_with_log(setup.info));
    metrics->set_gpus(setup.gpus);
    if (endpoint) {
      write_file_atomically(directory.path() / "metrics-address.txt", endpoint->url() + "\n",
                            ErrorKind::kUsage, Parents::kMustBeThere);
      log::info("Prometheus metrics at " + endpoint->url());
    }
    if (setup.expects_clean_stop && repeated > 0)
      log::warn(text("the last stop was not clean: %ld steps are repeated", repeated));
    if (options.log.samples)
      samples.emplace(directory.path() / "samples.jsonl", setup.info.first_step + 1);
    if (setup.info.world_size > 1)
      ranks.emplace(directory.path() / "ranks.jsonl", setup.info.first_step + 1);
    if (options.monitoring.tensorboard)
      tensorboard.emplace(directory.path() / "tensorboard", setup.info.first_step);
  }

  // A log with every tenth step stands for all of them.
  RunHistory history_with_log(const RunInfo& info) const {
    RunHistory history = info.history;
    history.lost_steps += repeated;
    if (log.kept().lines > 0)
      history.useful_seconds = log.kept().applied_seconds * static_cast<double>(info.first_step) /
                               static_cast<double>(log.kept().lines);
    return history;
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
  MonitoringOptions monitoring;
  std::string run;
  int64_t log_every;
  std::shared_ptr<Metrics> metrics;
  std::unique_ptr<MetricsEndpoint> endpoint;  // first of all: its port may be taken
  RunLog log;
  LineFile events;  // the writer of checkpoints' alone
  int64_t rank_every;
  int64_t repeated;  // steps, that an earlier life logged
  std::optional<StepLines> samples;
  std::optional<StepLines> ranks;  // of several
  std::optional<TensorBoardLog> tensorboard;
  Progress progress;
  std::optional<double> map;  // of the newest evaluation
  std::optional<DiscoveryFile> discovery;
  Stopwatch since_start;
  BackgroundPoll free_space;
};

Monitor::Monitor(const RunOptions& options, const MonitorSetup& setup)
    : root_(setup.directory != nullptr ? std::make_unique<Root>(options, setup) : nullptr) {}

Monitor::~Monitor() = default;

void Monitor::announce() {
  if (!root_ || !root_->endpoint || root_->monitoring.discovery_folder.empty()) return;
  root_->discovery.emplace(
      root_->monitoring.discovery_folder,
      discovery_target(*root_->endpoint, root_->monitoring, root_->run, root_->directory.path()));
}

void Monitor::ended_cleanly() {
  if (root_ && root_->discovery) root_->discovery->remove();
}

void Monitor::set_state(RunState state) {
  if (!root_) return;
  root_->metrics->set_state(state);
  root_->look_at_directory();
}

void Monitor::record_self_test(double seconds) {
  if (root_) root_->metrics->record_self_test(seconds);
}

void Monitor::record_stall(double seconds) {
  if (root_) root_->metrics->record_stall(seconds);
}

void Monitor::record_rollback(int64_t steps) {
  if (root_) root_->metrics->record_rollback(steps);
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
  root_->metrics->record(report);
  root_->progress.set(report.step, note_of(report, root_->map));
}

bool Monitor::wants_samples() const {
  return root_ && root_->samples.has_value() && !root_->is_taken_over;
}

void Monitor::record_samples(int64_t step, const std::vector<std::string>& ids) {
  if (wants_samples()) root_->samples->append({{"step", step}, {"ids", ids}});
}

bool Monitor::wants_figures() const { return root_ && root_->endpoint; }

void Monitor::record_figures(std::span<const RankFigures> ranks, double parameter_norm) {
  if (root_) root_->metrics->record_figures(ranks, parameter_norm);
}

void Monitor::record(const Evaluation& evaluation, const std::string& name,
                     const std::string& weights, int64_t step, double seconds) {
  if (!root_) return;
  root_->metrics->record_evaluation(weights, evaluation, seconds);
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
  if (root_) root_->metrics->record_consistency_check(agreed);
}

void Monitor::follow_heartbeats(std::function<std::vector<double>()> silences) {
  if (root_) root_->metrics->follow_heartbeats(std::move(silences));
}

void Monitor::checkpoint_ended(const CheckpointEnd& end) {
  if (!root_) return;
  root_->metrics->record_checkpoint(result_of(end), end.kind, end.write_seconds, end.stall_seconds,
                                    end.bytes);
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

int64_t Monitor::repeated_steps() const { return root_ ? root_->repeated : 0; }

std::optional<Linger> Monitor::linger(bool ended_well) const {
  if (!root_ || !root_->endpoint) return std::nullopt;
  const double seconds = root_->monitoring.linger_seconds;
  if (ended_well && root_->since_start.seconds() < seconds) return std::nullopt;
  return Linger(*root_->endpoint, seconds);
}

std::string Monitor::run() const { return root_ ? root_->run : ""; }

std::shared_ptr<const Metrics> Monitor::metrics() const { return root_ ? root_->metrics : nullptr; }

}  // namespace catamaran
