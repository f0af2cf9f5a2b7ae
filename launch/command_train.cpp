#include <cstdio>
#include <memory>

#include "comm/mpi_session.h"
#include "comm/process_group.h"
#include "launch/command.h"
#include "launch/config.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/scratch_folder.h"
#include "launch/self_launch.h"
#include "launch/signals.h"
#include "launch/version.h"
#include "support/heap.h"
#include "support/log.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

struct TrainArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::filesystem::path run_dir;
  std::string resume = "auto";
  int64_t ranks = 0;
  bool trace = false;
};

int run(const TrainArguments& given, int& argc, char**& argv) {
  std::vector<std::string> overrides = given.overrides;
  if (given.trace) overrides.emplace_back("trace.enabled=true");
  const ResolvedConfig config =
      resolve_config(given.config, overrides);  // mistakes end here, before any rank waits
  if (given.ranks > 0) return launch_ranks(given.ranks, argc, argv, OnStop::kCheckpoint);
  const StopSignals signals;  // a signal while MPI starts is a wish too
  keep_freed_memory();
  MpiSession mpi(argc, argv);
  configure_log(mpi.rank(), mpi.world());
  ProcessGroup group = make_process_group(mpi, config.options.comm);
  TrainRequest request;
  request.options = config.options;
  request.options.data.stage = scratch_folder(config.options.data.stage);
  request.run_dir = given.run_dir;
  request.resume = given.resume;
  request.resolved_config = config.toml;
  request.overrides = config.overrides;
  request.version = version();
  request.git = git_id();
  request.stop_wish = &signals.wish();
  const ExitReason reason = train(request, group);
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
      ->add_option(
          "--resume", given->resume,
          "auto: newest checkpoint of the run directory, if any; never; or a checkpoint folder")
      ->check(not_empty())
      ->capture_default_str();
  train->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  train->add_flag("--trace", given->trace,
                  "a time line of some steps, RUN/trace.json, for ui.perfetto.dev; keys: [trace]");
  train->footer(
      "Example: catamaran train --config configs/cat.toml --set data.train=packs/voc07-trainval "
      "--set data.eval=packs/voc07-test --run-dir runs/voc --ranks 2");
  train->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
