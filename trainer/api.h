// What launch/ asks of trainer/: whole jobs, without a word of torch. Each function runs on every
// rank of the group and returns when the job is done on all. Only the thread that runs the step
// loop. Pictures: trainer/predict_api.h, trainer/explain_api.h. Errors: the kinds of
// support/error.h, and what LibTorch throws, which as_error turns into one of them; they leave no
// half-written file.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "evaluation/protocol.h"
#include "evaluation/score_table.h"
#include "support/error.h"
#include "trainer/options.h"
#include "trainer/time_limit.h"

namespace catamaran {

enum class ExitReason { kDone, kStoppedResumable };

// Exit codes are the launcher's business; final.prom shows them.
struct ExitCodes {
  int done = 0;
  int stopped = 0;
  int (*of_error)(ErrorKind kind) = nullptr;  // none: they are not shown
};

struct TrainRequest {
  RunOptions options;
  std::filesystem::path run_dir;  // not empty
  std::string resume =
      "auto";  // auto: newest complete checkpoint of run_dir if any; never; or a checkpoint folder
  bool force_lock = false;                      // take RUN/lock from whoever has it
  std::string resolved_config;                  // TOML text, written to RUN/config.toml
  std::map<std::string, std::string> settings;  // every key of it and its value, as TOML
  std::vector<std::string> overrides;           // --set, for the manifest
  std::string version;                          // of catamaran, and git id
  std::string git;
  const std::atomic<bool>* stop_wish =
      nullptr;  // set by a signal handler; any rank's wish stops all at the step's end
  const std::atomic<bool>* terminated = nullptr;  // set by TERM: trainer/post_mortem.h
  const std::atomic<int64_t>* signals = nullptr;  // so many came: one more ends a wait
  double started_unix_seconds = 0;                // of this process; 0: not known
  ExitCodes exit_codes;
  std::optional<Deadline> deadline;  // rank 0's counts: all stop in time for a checkpoint
};
// Trains, evaluates and checkpoints until the schedule ends, a stop is wished or the deadline is
// near. UsageError when
// run_dir is in use by another process or holds a run of another config and resume is never.
ExitReason train(const TrainRequest& request, ProcessGroup& group);

struct EvaluateRequest {
  std::filesystem::path checkpoint;  // checkpoint folder, or a model.safetensors
  std::filesystem::path pack;
  std::vector<std::filesystem::path> ensemble;  // further checkpoints, with the same classes
  std::string augment = "none";                 // none, flip, scales: trainer/views.h
  std::optional<EvaluationCrop> view;           // none: each model's own, of its training
  std::string weights = "auto";                 // auto: ema if there, else raw; ema; raw
  std::string precision = "auto";  // auto: that of the checkpoint's run; fp32, bf16, fp16
  int64_t batch = 32;
};
// How results name `view`: "auto" (each model's own), "none", "center", "center of 256".
std::string crop_name(const EvaluateRequest& request);
// Scores every image of the pack once, on whatever number of ranks; the whole table on rank 0,
// empty elsewhere. Several views or models: the mean of their probabilities, as a logit.
ScoreTable score_pack(const EvaluateRequest& request, ProcessGroup& group);
// scores.h5: /score (float, n x L), /label (int8, n x L), /id; the class names, the models and the
// augmentation as attributes. Written atomically.
void write_scores(const std::filesystem::path& path, const ScoreTable& table,
                  const EvaluateRequest& request);

// weights inspect / check / import / export. Texts for people, or JSON when json is true.
// weights: of a checkpoint or run, auto, ema or raw; the JSON's "file" is the one that was taken.
std::string inspect_weights(const std::filesystem::path& given, const std::string& weights,
                            bool json);
struct WeightsCheck {
  std::string report;     // the coverage table, or JSON
  bool complete = false;  // the file holds every tensor that is wanted, in its shape
};
// The coverage of a model by a backbone's or a whole model's file. Writes nothing. Without a model:
// the one that the file describes, else the default.
WeightsCheck check_weights(const std::filesystem::path& file,
                           const std::optional<CatOptions>& model, bool json);
// A checkpoint's raw or EMA weights as one safetensors file with timm names for the backbone;
// backbone_only drops the prefix, so that timm's load_state_dict(strict=False) takes it.
void export_weights(const std::filesystem::path& checkpoint, const std::string& weights,
                    bool backbone_only, const std::filesystem::path& out);
struct ImportRequest {
  std::filesystem::path file;  // safetensors: a timm / torchvision backbone, or a whole CAT
  std::filesystem::path out;
  std::optional<CatOptions> model;     // none: the one that the file describes, else the default
  std::vector<std::string> classes;    // empty: those that the file describes
  std::optional<EvaluationCrop> view;  // none: what the file says, if it does
  bool allow_partial = false;
  bool json = false;
};
// Writes a model that weights.init, eval and predict take, with the source's SHA-256 in its
// metadata; returns the coverage report. WeightsError with that report when the file does not cover
// the model (or, for a backbone's file, the backbone) and allow_partial is false.
std::string import_weights(const ImportRequest& request);

// Whatever was caught, as an error of ours: LibTorch's by the first line of its message, without
// the stack trace; memory that ran out (of the GPU, LibTorch's or the library's) with what to
// lower, and the place, if it is given: which rank, in which step and phase.
Error as_error(const std::exception& problem, const std::string& place = "");
bool is_out_of_memory(const std::exception& problem);

// Versions for manifests and `catamaran --version`: LibTorch, NCCL, MPI.
struct LibraryVersions {
  std::string torch, nccl, mpi, cuda;
};
LibraryVersions library_versions();
std::string versions_text(const LibraryVersions& versions);  // for people, in one line

}  // namespace catamaran
