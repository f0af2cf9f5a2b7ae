// What launch/ asks of trainer/: whole jobs, without a word of torch. Each function runs on every
// rank of the group and returns when the job is done on all. Only the thread that runs the step
// loop. Pictures: trainer/predict_api.h, trainer/explain_api.h. Errors: the kinds of
// support/error.h; they leave no half-written file.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "evaluation/protocol.h"
#include "evaluation/score_table.h"
#include "trainer/options.h"

namespace catamaran {

enum class ExitReason { kDone, kStoppedResumable };

struct TrainRequest {
  RunOptions options;
  std::filesystem::path run_dir;
  std::string resume =
      "auto";  // auto: newest complete checkpoint of run_dir if any; never; or a checkpoint folder
  std::string resolved_config;         // TOML text, written to RUN/config.toml
  std::vector<std::string> overrides;  // --set, for the manifest
  std::string version;                 // of catamaran, and git id
  std::string git;
  const std::atomic<bool>* stop_wish =
      nullptr;  // set by a signal handler; any rank's wish stops all at the step's end
};
// Trains, evaluates and checkpoints until the schedule ends or a stop is wished. UsageError when
// run_dir is in use by another process or holds a run of another config and resume is never.
ExitReason train(const TrainRequest& request, ProcessGroup& group);

struct EvaluateRequest {
  std::filesystem::path checkpoint;  // checkpoint folder, or a model.safetensors
  std::filesystem::path pack;
  std::vector<std::filesystem::path> ensemble;  // further checkpoints, with the same classes
  std::string augment = "none";                 // none, flip, scales: trainer/views.h
  std::string weights = "auto";                 // auto: ema if there, else raw; ema; raw
  int64_t batch = 32;
};
// Scores every image of the pack once, on whatever number of ranks; the whole table on rank 0,
// empty elsewhere. Several views or models: the mean of their probabilities, as a logit.
ScoreTable score_pack(const EvaluateRequest& request, ProcessGroup& group);
// scores.h5: /score (float, n x L), /label (int8, n x L), /id; the class names, the models and the
// augmentation as attributes. Written atomically.
void write_scores(const std::filesystem::path& path, const ScoreTable& table,
                  const EvaluateRequest& request);

// weights inspect / import / export. Texts for people, or JSON when json is true.
std::string inspect_weights(const std::filesystem::path& file, bool json);
// Checks a backbone file against a model; returns the coverage report. Writes nothing.
std::string check_backbone_weights(const std::filesystem::path& file, const CatOptions& model,
                                   bool json);
// A checkpoint's raw or EMA weights as one safetensors file with timm names for the backbone;
// backbone_only drops the prefix, so that timm's load_state_dict(strict=False) takes it.
void export_weights(const std::filesystem::path& checkpoint, const std::string& weights,
                    bool backbone_only, const std::filesystem::path& out);
// A timm / torchvision backbone, or an exported model, becomes a checkpoint folder that train
// --resume, eval and predict take.
std::string import_weights(const std::filesystem::path& file, const CatOptions& model,
                           const std::vector<std::string>& classes,
                           const std::filesystem::path& out, bool json);

// Versions for manifests and `catamaran --version`: LibTorch, NCCL, MPI.
struct LibraryVersions {
  std::string torch, nccl, mpi, cuda;
};
LibraryVersions library_versions();

}  // namespace catamaran
