// Checkpoints on disk: RUN/checkpoints/step-00001234/ with model.safetensors, ema.safetensors (if
// an average is kept), optimizer.safetensors and state.json, which holds a checksum per file;
// RUN/checkpoints/latest names the newest. A folder appears complete or not at all, `latest` is
// replaced only after it is durable, older ones are deleted after that.
//
//   write_checkpoint(run.checkpoints(), contents);                     // any thread; returns bytes
//   written std::optional<fs::path> newest = find_checkpoint(run.checkpoints()); CheckpointState
//   state = read_checkpoint_state(*newest);            // verifies that files are there and whole
//
// Errors: WeightsError naming folder and file. Thread-safe (one writer a folder).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataio/evaluation_crop.h"
#include "model/options.h"
#include "model/safetensors.h"

namespace catamaran {

constexpr int64_t kCheckpointFormatVersion = 1;

// state.json: where the run was, and what must be the same for it to go on.
struct CheckpointState {
  int64_t step = 0;  // steps done
  int64_t epoch = 0;
  int64_t step_in_epoch = 0;
  int64_t ema_updates = 0;  // 0: no average
  int64_t skipped_in_row = 0;
  int64_t substituted = 0;         // images of this epoch that others took the place of
  std::string precision = "fp32";  // precision.compute
  double loss_scale = 1;           // of the next step; 1 unless fp16
  int64_t loss_scale_applied = 0;  // steps since it last changed
  int64_t world = 1;               // at the time of writing
  int64_t global_batch = 0;
  uint64_t seed = 0;
  std::string train_fingerprint;                          // of the pack
  std::string optimizer;                                  // its name
  std::map<std::string, std::string> optimizer_settings;  // trainer/resume.h; empty: of 0.1
  std::string model;                                      // CatOptions as JSON
  int64_t evaluated_step = -1;                            // of the newest evaluation; -1: none yet
  double best_map = -1;                                   // -1: not evaluated yet
  int64_t best_step = 0;
  std::vector<std::string> classes;
};

struct CheckpointContents {
  CheckpointState state;
  EvaluationCrop view;  // what evaluation shows the model
  NamedTensors model;   // CPU tensors that nobody changes any more
  NamedTensors ema;     // empty: no file
  NamedTensors optimizer;
};

int64_t write_checkpoint(const std::filesystem::path& folder, const CheckpointContents& contents);
// Deletes all but the `keep` newest and the one of `best_step`. Newest of all is the one of
// `written_step`; those of higher steps, which a run that went back has abandoned, are the oldest.
void remove_old_checkpoints(const std::filesystem::path& folder, int64_t keep, int64_t best_step,
                            int64_t written_step);

// The one that `latest` names, or the newest complete one when that is damaged or gone; nullopt
// when there is none at all. WeightsError when there are some and none is whole: a run must not
// start over what may be mended.
std::optional<std::filesystem::path> find_checkpoint(const std::filesystem::path& folder);
CheckpointState read_checkpoint_state(const std::filesystem::path& checkpoint);
// precision.compute of the run that wrote a checkpoint's weights file; fp32 for a file that stands
// alone.
std::string recorded_precision(const std::filesystem::path& weights_file);
// A user's path: a checkpoint folder, a run directory (its newest), or a safetensors file; the file
// with the weights asked for (raw, ema, auto: ema if there). A checkpoint folder is verified.
std::filesystem::path weights_file_of(const std::filesystem::path& given,
                                      const std::string& weights);

}  // namespace catamaran
