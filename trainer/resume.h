// Going on from a checkpoint: which one, and whether this run may.
//
//   const std::optional<fs::path> checkpoint = checkpoint_to_resume(request, group);
//   const CheckpointState state = read_checkpoint_state(*checkpoint);
//   for (const SettingChange& change : require_same_run(state, options, fingerprint, *checkpoint))
//     ... log it, and put it into the manifest ...
//   load_model_of(*checkpoint, *cat);
//
// What decides the order of samples, the shape of the tensors or what the optimizer's state means
// must be what it was; rates and decays may change, and a run that changes them says so. Errors:
// UsageError (seed, batch, model, pack), WeightsError (a state of another optimizer), each naming
// the key, the old value and the new one. Only the thread that runs the step loop; all ranks call
// it together.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "model/cat.h"
#include "trainer/api.h"
#include "trainer/checkpoint.h"
#include "trainer/options.h"

namespace catamaran {

// None: the run begins.
std::optional<std::filesystem::path> checkpoint_to_resume(const TrainRequest& request,
                                                          ProcessGroup& group);

// The optimizer's settings that this kind of optimizer reads, as the configuration writes them:
// "optimizer.momentum" -> "0.9". For state.json.
std::map<std::string, std::string> optimizer_settings(const OptimizerOptions& options);

struct SettingChange {
  std::string key;
  std::string was;
  std::string is;
};

// Throws, or returns what is another now and may be. Checkpoints of 0.1, which know the optimizer's
// name alone, have no such changes.
std::vector<SettingChange> require_same_run(const CheckpointState& state, const RunOptions& options,
                                            const std::string& train_fingerprint,
                                            const std::filesystem::path& checkpoint);

// What else of the configuration is another now: every key but the optimizer's, of which
// require_same_run tells those that this kind of optimizer reads. `now`: TrainRequest::settings.
std::vector<SettingChange> other_changes(const CheckpointState& state,
                                         const std::map<std::string, std::string>& now);

// The checkpoint's weights and buffers; WeightsError where they do not cover the model.
void load_model_of(const std::filesystem::path& checkpoint, CatImpl& cat);

}  // namespace catamaran
