#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "launch/command.h"
#include "launch/config.h"
#include "launch/deadline.h"
#include "launch/duration.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/rank_session.h"
#include "launch/scratch_folder.h"
#include "launch/self_launch.h"
#include "launch/signals.h"
#include "launch/version.h"
#include "support/log.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

struct TrainArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::filesystem::path run_dir;
  std::string resume = "auto";
  std::string max_time;
  int64_t ranks = 0;
  bool trace = false;
  bool force_lock = false;
};

int run(const TrainArguments& given, int& argc, char**& argv) {
  const ProgramStart start;
  std::optional<int64_t> max_seconds;
  if (!given.max_time.empty()) max_seconds = parse_duration(given.max_time, "--max-time");
  std::vector<std::string> overrides = given.overrides;
  if (given.trace) overrides.emplace_back("trace.enabled=true");
  const ResolvedConfig config =
      resolve_config(given.config, overrides);  // mistakes end here, before any rank waits
  if (given.ranks > 0) return launch_ranks(given.ranks, argc, argv, OnStop::kCheckpoint);
  const StopSignals signals;  // a signal while MPI starts is a wish too
  RankSession ranks(argc, argv, config.options.comm);
  TrainRequest request;
  request.options = config.options;
  request.options.data.stage = scratch_folder(config.options.data.stage);
  request.run_dir = given.run_dir;
  request.resume = given.resume;
  request.force_lock = given.force_lock;
  request.resolved_config = config.toml;
  for (const ConfigEntry& entry : config.entries) request.settings[entry.key] = entry.value;
  request.overrides = config.overrides;
  request.version = version();
  request.git = git_id();
  request.stop_wish = &signals.wish();
  request.terminated = &signals.terminated();
  request.signals = &signals.count();
  request.started_unix_seconds = start.on_wall_clock;
  request.exit_codes = {.done = kExitDone, .stopped = kExitStopped, .of_error = exit_code};
  if (ranks.group().is_root()) {
    const char* job_end = std::getenv(kJobEndVariable);  // NOLINT(concurrency-mt-unsafe)
    request.deadline = find_deadline(max_seconds, job_end, start);
  }
  const ExitReason reason = train(request, ranks.group());
  if (reason == ExitReason::kStoppedResumable) {
    log::info("stopped with a checkpoint; the same command goes on from there");
    return kExitStopped;
  }
  log::info("done: " + given.run_dir.string());
  return kExitDone;
}

}  // namespace

void add_train_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* train = app.add_subcommand(
      "train", "Train a model; alone, under mpirun, under srun --mpi=pmix, or with --ranks");
  const auto given = std::make_shared<TrainArguments>();
  train->add_option("--config", given->config, "TOML file")->check(not_empty())->required();
  train->add_option("--set", given->overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
  train
      ->add_option("--run-dir", given->run_dir,
                   "folder of the run: log, metrics, evaluations, checkpoints")
      ->check(not_empty())
      ->required();
  train
      ->add_option("--resume", given->resume,
                   "auto: newest checkpoint of the run directory, if any; never; or a checkpoint "
                   "folder, also "
                   "RUN/checkpoints/best")
      ->check(not_empty())
      ->capture_default_str();
  train
      ->add_option("--max-time", given->max_time,
                   "2h30m, 90s or HH:MM:SS from now: stop before that with a checkpoint and code "
                   "75; without it before the Slurm job's end, where SLURM_JOB_END_TIME tells it")
      ->check(not_empty());
  train->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  train->add_flag("--trace", given->trace,
                  "a time line of some steps, RUN/trace.json, for ui.perfetto.dev; keys: [trace]");
  train->add_flag("--force-lock", given->force_lock,
                  "take the run directory from a job that holds its lock and is known to be dead; "
                  "recorded in the manifest");
  train->footer(
      "Example: catamaran train --config configs/cat.toml --set data.train=packs/voc07-trainval "
      "--set data.eval=packs/voc07-test --run-dir runs/voc --ranks 2");
  train->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
