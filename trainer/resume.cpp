#include "trainer/resume.h"

#include <charconv>
#include <set>

#include "model/weights.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

void require_same(const std::string& key, const std::string& saved, const std::string& now,
                  const fs::path& checkpoint) {
  if (saved == now) return;
  throw UsageError(
      key + " was " + saved + " when the checkpoint was written and is " + now + " now",
      checkpoint.string(), "give the old value, or start a new run in another --run-dir");
}

// Shortest text that reads back to the same number.
std::string number(double value) {
  char digits[40];
  const auto [end, code] = std::to_chars(digits, digits + sizeof digits, value);
  return {digits, end};
}

// Changed, the tensors in optimizer.safetensors would mean something else.
bool decides_meaning(const SettingChange& change) {
  static const std::set<std::string> kAlways = {"optimizer.name", "optimizer.lars_variant",
                                                "optimizer.nesterov"};
  if (kAlways.contains(change.key)) return true;
  // Without momentum no velocity was kept.
  return change.key == "optimizer.momentum" && (change.was == "0" || change.is == "0");
}

// A checkpoint, or the newest of a run.
fs::path checkpoint_named(const fs::path& written) {
  const fs::path given = checkpoint_by_name(written);
  std::error_code code;
  if (!fs::is_directory(given / "checkpoints", code)) return given;
  const std::optional<fs::path> newest = find_checkpoint(given / "checkpoints");
  if (newest) return *newest;
  throw WeightsError("the run has no checkpoint", given.string(),
                     "name a checkpoint folder, or leave --resume out to start from nothing");
}

}  // namespace

// Rank 0 looks, everybody hears: shared storage may show a new folder late elsewhere.
std::optional<fs::path> checkpoint_to_resume(const TrainRequest& request, ProcessGroup& group) {
  if (request.run_dir.empty()) return std::nullopt;
  std::string found;
  if (group.is_root()) {
    if (request.resume == "auto") {
      const std::optional<fs::path> newest = find_checkpoint(request.run_dir / "checkpoints");
      found = newest ? newest->string() : "";
    } else if (request.resume == "never") {
      if (find_checkpoint(request.run_dir / "checkpoints")) {
        throw UsageError("the run directory holds checkpoints of an earlier run",
                         request.run_dir.string(),
                         "choose another --run-dir, or --resume auto to go on with it");
      }
    } else {
      found = checkpoint_named(request.resume).string();
    }
  }
  found = group.broadcast_text(found);
  return found.empty() ? std::nullopt : std::optional<fs::path>(found);
}

std::map<std::string, std::string> optimizer_settings(const OptimizerOptions& o) {
  std::map<std::string, std::string> settings = {
      {"optimizer.learning_rate", number(o.learning_rate)},
      {"optimizer.scaling", o.scaling},
      {"optimizer.base_batch", std::to_string(o.base_batch)},
      {"optimizer.backbone_ratio", number(o.backbone_ratio)},
      {"optimizer.head_ratio", number(o.head_ratio)},
      {"optimizer.layer_decay", number(o.layer_decay)},
      {"optimizer.weight_decay", number(o.weight_decay)}};
  if (o.name == "sgd" || o.name == "lars") {
    settings["optimizer.momentum"] = number(o.momentum);
    settings["optimizer.nesterov"] = o.nesterov ? "true" : "false";
  } else {
    settings["optimizer.beta1"] = number(o.beta1);
    settings["optimizer.beta2"] = number(o.beta2);
    settings["optimizer.epsilon"] = number(o.epsilon);
  }
  if (o.name == "lars") {
    settings["optimizer.lars_variant"] = o.lars_variant;
    settings["optimizer.trust_coefficient"] = number(o.trust_coefficient);
    settings["optimizer.epsilon"] = number(o.epsilon);
  }
  if (o.name == "lamb") settings["optimizer.trust_cap"] = number(o.trust_cap);
  return settings;
}

std::vector<SettingChange> require_same_run(const CheckpointState& state, const RunOptions& options,
                                            const std::string& train_fingerprint,
                                            const fs::path& checkpoint) {
  require_same("run.seed", std::to_string(state.seed), std::to_string(options.seed), checkpoint);
  require_same("batch.global", std::to_string(state.global_batch),
               std::to_string(options.batch.global), checkpoint);
  require_same("the model", to_json(cat_options_from_json(state.model, checkpoint.string())),
               to_json(options.model), checkpoint);
  require_same("the training pack's content", state.train_fingerprint, train_fingerprint,
               checkpoint);
  std::vector<SettingChange> changes = {
      {"optimizer.name", state.optimizer, options.optimizer.name}};
  const std::map<std::string, std::string> now = optimizer_settings(options.optimizer);
  if (state.optimizer == options.optimizer.name) {
    for (const auto& [key, was] : state.optimizer_settings) {
      if (now.contains(key)) changes.push_back({key, was, now.at(key)});
    }
  }
  std::erase_if(changes, [](const SettingChange& change) { return change.was == change.is; });
  for (const SettingChange& change : changes) {
    if (!decides_meaning(change)) continue;
    throw WeightsError(change.key + " was " + change.was +
                           " when the checkpoint was written and is " + change.is +
                           " now: the optimizer's state would mean something else",
                       checkpoint.string(),
                       "give the old value, or start a new run from these weights: weights.init "
                       "and another --run-dir");
  }
  return changes;
}

std::vector<SettingChange> other_changes(const CheckpointState& state,
                                         const std::map<std::string, std::string>& now) {
  std::vector<SettingChange> changes;
  for (const auto& [key, was] : state.settings) {
    const auto found = now.find(key);
    if (found == now.end() || found->second == was || key.starts_with("optimizer.")) continue;
    changes.push_back({key, was, found->second});
  }
  return changes;
}

void load_model_of(const fs::path& checkpoint, CatImpl& cat) {
  const Coverage coverage =
      load_state(cat, read_safetensors(checkpoint / "model.safetensors").tensors);
  if (coverage.complete()) return;
  throw WeightsError("it is not this model:\n" + coverage.table(), checkpoint.string(),
                     "resume with the configuration that wrote it: config.toml of its run");
}

}  // namespace catamaran
