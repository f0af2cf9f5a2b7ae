// Checkpoints on disk: RUN/checkpoints/step-00001234/ with model.safetensors, ema.safetensors (if
// an average is kept), optimizer.safetensors and state.json, which holds a checksum per file;
// RUN/checkpoints/latest names the newest, RUN/checkpoints/best the one of the highest mAP. A
// folder appears complete or not at all, the two names are replaced only after it is durable, older
// ones are deleted after that.
//
//   const int64_t bytes = write_checkpoint(run.checkpoints(), contents);         // any thread
//   remove_old_checkpoints(run.checkpoints(), {.keep = 3}, best_step, contents.state.step);
//   std::optional<fs::path> newest = find_checkpoint(run.checkpoints());
//   CheckpointState state = read_checkpoint_state(*newest);  // verified: files are there and whole
//
// A checkpoint that the file system has no room for is not begun. Errors: WeightsError naming
// folder and file. Thread-safe (one writer a folder).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
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
  int64_t ema_updates = 0;  // 0: no average, or every step so far was skipped
  int64_t skipped_in_row = 0;
  int64_t substituted = 0;         // images of this epoch that others took the place of
  std::string precision = "fp32";  // precision.compute
  bool loss_scaled = false;        // RunOptions::loss_is_scaled; the two below mean something
  double loss_scale = 1;           // of the next step
  int64_t loss_scale_applied = 0;  // steps since it last changed
  int64_t world = 1;               // at the time of writing
  int64_t global_batch = 0;
  uint64_t seed = 0;
  std::string train_fingerprint;                          // of the pack
  std::string optimizer;                                  // its name
  std::map<std::string, std::string> optimizer_settings;  // trainer/resume.h; empty: of 0.1
  std::map<std::string, std::string> settings;  // TrainRequest::settings; or empty: of 0.2
  std::string model;                            // CatOptions as JSON
  int64_t evaluated_step = -1;                  // of the newest evaluation; -1: none yet
  double best_map = -1;                         // -1: not evaluated yet
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

// Bytes that may still be written where `folder` is; nullopt where its file system does not tell.
std::optional<int64_t> available_bytes(const std::filesystem::path& folder);
using AvailableBytes = std::function<std::optional<int64_t>(const std::filesystem::path& folder)>;
// Returns the bytes of its files but state.json. Needs room for all tensors and 5 % more.
// may_write: called before each change that others see; what it throws leaves the rest as it is.
int64_t write_checkpoint(
    const std::filesystem::path& folder, const CheckpointContents& contents,
    const AvailableBytes& available = available_bytes,
    const std::function<void()>& may_write = [] {});

// Which checkpoints stay, besides the best one.
struct Retention {
  int64_t keep = 3;              // the newest
  int64_t keep_every_steps = 0;  // above 0: those of its multiples, for good
};
// All that do not stay. Newest of all is the one of `written_step`; those of higher steps, which a
// run that went back has abandoned, are the oldest, and none of them stays for good.
std::vector<std::filesystem::path> superseded_checkpoints(const std::filesystem::path& folder,
                                                          const Retention& retention,
                                                          int64_t best_step, int64_t written_step);
void remove_old_checkpoints(const std::filesystem::path& folder, const Retention& retention,
                            int64_t best_step, int64_t written_step);

// Every folder that is named like a checkpoint, newest first, seen from the one named `newest`;
// none: that of the highest step.
std::vector<std::filesystem::path> checkpoints_newest_first(const std::filesystem::path& folder,
                                                            const std::string& newest = "");
// What `latest` says; "" where it is missing or names no checkpoint.
std::string latest_checkpoint_name(const std::filesystem::path& folder);
// As a user may name one: RUN/checkpoints/latest and RUN/checkpoints/best become the folder that
// they name, any other path stays. Runs of before 0.3 have no file `best`: there state.json of the
// newest tells it. WeightsError where the run has none, or it is gone.
std::filesystem::path checkpoint_by_name(const std::filesystem::path& given);
// "step-00001234", and back; nullopt for another name.
std::string checkpoint_name(int64_t step);
std::optional<int64_t> step_of_checkpoint(const std::string& name);

// The one that `latest` names, or the newest complete one when that is damaged or gone; nullopt
// when there is none at all. WeightsError when there are some and none is whole: a run must not
// start over what may be mended.
std::optional<std::filesystem::path> find_checkpoint(const std::filesystem::path& folder);
CheckpointState read_checkpoint_state(const std::filesystem::path& checkpoint);

// What state.json says, whether or not the other files are there and whole.
struct CheckpointRecord {
  CheckpointState state;
  std::map<std::string, std::string> checksums;  // of the other files, by name
};
CheckpointRecord read_checkpoint_record(const std::filesystem::path& checkpoint);
// WeightsError for the first file that is missing or not what was written. read(bytes) is called
// as files are read.
void require_whole_files(const std::filesystem::path& checkpoint, const CheckpointRecord& record,
                         const std::function<void(int64_t bytes)>& read = {});

// precision.compute of the run that wrote a checkpoint's weights file; fp32 for a file that stands
// alone.
std::string recorded_precision(const std::filesystem::path& weights_file);
// A user's path: a checkpoint folder, also by name, a run directory (its newest), or a safetensors
// file; the file
// with the weights asked for (raw, ema, auto: ema if there). A checkpoint folder is verified.
std::filesystem::path weights_file_of(const std::filesystem::path& given,
                                      const std::string& weights);

}  // namespace catamaran
