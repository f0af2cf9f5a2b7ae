#include "launch/scoring_options.h"

#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/rank_session.h"
#include "launch/self_launch.h"
#include "launch/weights_option.h"

namespace catamaran {

void add_scoring_options(CLI::App& command, ScoringOptions& options) {
  EvaluateRequest& request = options.request;
  command
      .add_option(
          "--checkpoint", request.checkpoint,
          "run directory, checkpoint folder (RUN/checkpoints/best, too) or .safetensors file")
      ->check(not_empty())
      ->required();
  command.add_option("--data", request.pack, "pack folder")->check(not_empty())->required();
  command
      .add_option("--ensemble", request.ensemble,
                  "further checkpoints with the same classes: the mean of all probabilities counts")
      ->check(not_empty())
      ->expected(1, 64);
  command
      .add_option("--augment", request.augment,
                  "views of a picture whose probabilities are averaged: none, flip (and its mirror "
                  "image), scales (7/8, 1 and 9/8 of the input's size)")
      ->check(CLI::IsMember({"none", "flip", "scales"}))
      ->capture_default_str();
  add_weights_option(command, request.weights);
  command
      .add_option("--precision", request.precision,
                  "auto: as the checkpoint's run computed; fp32, bf16, fp16")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "fp16"}))
      ->capture_default_str();
  command.add_option("--batch", request.batch, "images a rank at a time")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_option("--backend", options.comm.backend, "auto, mpi, node, nccl")
      ->capture_default_str();
  command.add_option("--ranks", options.ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
}

int score_on_ranks(const ScoringOptions& options, int& argc, char**& argv,
                   const std::function<void()>& before,
                   const std::function<void(const ScoreTable&)>& use) {
  options.comm.check();
  if (options.ranks > 0) return launch_ranks(options.ranks, argc, argv, OnStop::kEnd);
  RankSession ranks(argc, argv, options.comm);
  ProcessGroup& group = ranks.group();
  if (group.is_root()) before();
  const ScoreTable table = score_pack(options.request, group);
  if (group.is_root()) use(table);
  return kExitDone;
}

}  // namespace catamaran
