#include "trainer/builder.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "comm/agreement.h"
#include "comm/device_binding.h"
#include "model/pyramid_scale.h"
#include "model/weights.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/checkpoint.h"
#include "trainer/consistency.h"
#include "trainer/device.h"
#include "trainer/manifest.h"
#include "trainer/rank_statistics.h"
#include "trainer/resume.h"
#include "trainer/run_history.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

void require_coverage(const Coverage& coverage, const WeightsOptions& options,
                      const std::string& key, const std::string& file, ProcessGroup& group) {
  if (group.is_root())
    log::info(text("%s: %.1f %% of the model's values come from %s", key.c_str(),
                   100 * coverage.ratio(), file.c_str()));
  if (coverage.complete() || options.allow_partial) return;
  throw WeightsError("the file does not cover the model:\n" + coverage.table(), file,
                     "use the file of this architecture, or set weights.allow_partial = true, "
                     "which the manifest records");
}

// Random values everywhere, then files over them, then rank 0's values on every rank.
void fill_model(TrainerParts& parts, ProcessGroup& group) {
  const WeightsOptions& weights = parts.options.weights;
  const Copy copy = weights.allow_partial ? Copy::kWhatFits : Copy::kAllOrNothing;
  initialise(*parts.cat, parts.options.seed);
  if (!weights.backbone.empty()) {
    const std::string note = other_normalisation(parts.options.model);
    if (group.is_root() && !note.empty()) log::warn(note);
    require_coverage(load_backbone(*parts.cat, weights.backbone, copy), weights, "weights.backbone",
                     weights.backbone, group);
  }
  if (weights.init.empty()) {
    calibrate_pyramid(*parts.cat, parts.options.seed);
  } else {
    const fs::path file = weights_file_of(weights.init, "auto");
    require_coverage(load_whole_model(*parts.cat, file, parts.classes, copy), weights,
                     "weights.init", file.string(), group);
    if (group.is_root()) {
      for (const std::string& other :
           other_switches(list_safetensors(file), parts.options.model, file.string()))
        log::warn("weights.init: " + other);
    }
  }
}

TrainerParts make_parts(const TrainRequest& request, const RunPacks& packs, ProcessGroup& group) {
  TrainerParts parts;
  parts.options = request.options;
  parts.run_dir = request.run_dir;
  parts.stop_wish = request.stop_wish;
  parts.signals = request.signals;
  parts.deadline = request.deadline;
  parts.batch =
      split_batch(request.options.batch.global, request.options.batch.per_device, group.world());
  if (request.options.data.augment.mixes() && parts.batch.per_part % 2 != 0) {
    throw UsageError(
        text("mixup and CutMix pair neighbours, and a rank's micro-batch has %ld images",
             parts.batch.per_part),
        "batch.global", "choose batches that give every rank an even number");
  }
  parts.device = bind_device(group);
  parts.train_fingerprint = packs.train->fingerprint();
  parts.classes = packs.train->manifest().classes;
  parts.steps_per_epoch =
      SampleOrder(request.options.seed, packs.train->images(), request.options.batch.global)
          .steps_per_epoch();
  parts.cat = Cat(request.options.model, packs.train->classes());
  return parts;
}

void collect_tensors(TrainerParts& parts) {
  parts.cat->to(parts.device);
  parts.cat->train();
  std::set<std::string> trained;
  for (const auto& item : parts.cat->named_parameters()) {
    trained.insert(item.key());
    if (item.value().requires_grad()) parts.parameters.emplace_back(item.key(), item.value());
  }
  for (const auto& [name, tensor] : state_dict(*parts.cat)) {
    if (!trained.contains(name)) parts.buffers.emplace_back(name, tensor);
  }
}

RunPosition position_of(const CheckpointState& state) {
  return {.step = state.step,
          .skipped_in_row = state.skipped_in_row,
          .substituted = state.substituted,
          .best_map = state.best_map,
          .best_step = state.best_step,
          .evaluated_step = state.evaluated_step,
          .saved_step = state.step};
}

// Steps; 0: there is none before the end.
int64_t checkpoint_interval(const CheckpointOptions& options, int64_t steps_per_epoch) {
  const int64_t every = options.every_steps > 0
                            ? options.every_steps
                            : steps_of_epochs(options.every_epochs, steps_per_epoch);
  const int64_t keep = options.keep_every_epochs * steps_per_epoch;
  return every > 0 && keep > 0 ? std::min(every, keep) : std::max(every, keep);
}

// Of a run that is monitored, and computes on GPUs; all ranks do, or none.
void watch_gpus(const TrainRequest& request, TrainerParts& parts, const ProcessGroup& group) {
  if (group.device_kind() != DeviceKind::kCuda || request.run_dir.empty() ||
      !request.options.monitoring.enabled)
    return;
  const std::vector<std::string> visible = visible_devices().pci_bus_ids;
  const auto mine = static_cast<size_t>(group.device_index());
  if (mine < visible.size()) parts.gpu = std::make_shared<GpuMonitor>(visible[mine]);
}

std::vector<GpuName> gpu_names(const TrainerParts& parts, ProcessGroup& group) {
  std::vector<GpuName> names;
  if (group.device_kind() != DeviceKind::kCuda) return names;
  const std::vector<std::string> hosts = group.all_gather(group.host_name());
  for (const std::string& uuid : group.all_gather(parts.gpu ? parts.gpu->uuid() : ""))
    names.push_back({.uuid = uuid, .host = hosts[names.size()]});
  return names;
}

// A new run that goes on from another one's last step would be a folder with nothing in it.
void require_work(const TrainRequest& request, const RunPacks& packs, const CheckpointState& state,
                  int64_t last_step) {
  const bool evaluates = packs.eval != nullptr && state.evaluated_step != state.step;
  if (state.step < last_step || evaluates) return;
  if (!checkpoints_newest_first(request.run_dir / "checkpoints").empty()) return;
  throw UsageError(text("it is of step %ld, the schedule ends at step %ld, and nothing is left to "
                        "train",
                        state.step, last_step),
                   request.resume, "raise schedule.epochs or schedule.max_steps");
}

}  // namespace

std::unique_ptr<Trainer> build_trainer(const TrainRequest& request, const RunPacks& packs,
                                       ProcessGroup& group,
                                       const std::shared_ptr<const RunDirectory>& directory,
                                       const LogCounts* log_counts) {
  require_same_everywhere(group, "the configuration", sha256(request.resolved_config));
  TrainerParts parts = make_parts(request, packs, group);
  parts.directory = directory;
  parts.log_counts = log_counts;
  parts.settings = request.settings;
  const std::optional<fs::path> checkpoint = checkpoint_to_resume(request, group);
  std::optional<CheckpointState> state;
  std::vector<SettingChange> changes;
  std::vector<SettingChange> others;
  if (checkpoint) {
    state = read_checkpoint_state(*checkpoint);
    changes = require_same_run(*state, parts.options, parts.train_fingerprint, *checkpoint);
    others = other_changes(*state, request.settings);
    load_model_of(*checkpoint, *parts.cat);
    parts.position = position_of(*state);
  } else {
    fill_model(parts, group);
  }
  collect_tensors(parts);
  broadcast_state(state_dict(*parts.cat), group, parts.device);
  if (parts.options.model.backbone.bn == "sync" && group.world() > 1)
    parts.cat->backbone().share_all_statistics(share_statistics(group, parts.device));

  const Schedule schedule(parts.options.schedule, parts.steps_per_epoch,
                          parts.options.batch.global);
  if (checkpoint) require_work(request, packs, *state, schedule.last_step());
  const EarlierStarts earlier =
      group.is_root() ? read_earlier_starts(request, parts.position.step) : EarlierStarts();
  require_progress(request, earlier, parts.position.step, group);
  if (!earlier.failure.empty()) log::warn(earlier.failure);
  watch_gpus(request, parts, group);
  MonitorSetup monitoring;
  monitoring.directory = directory.get();
  monitoring.info = run_info(request, packs, group);
  monitoring.info.total_steps = schedule.last_step();
  monitoring.info.steps_per_epoch = parts.steps_per_epoch;
  monitoring.info.first_step = parts.position.step;
  monitoring.info.checkpoint_every_steps =
      checkpoint_interval(parts.options.checkpoint, parts.steps_per_epoch);
  if (packs.eval)
    monitoring.info.evaluate_every_steps =
        steps_of_epochs(parts.options.evaluate.every_epochs, parts.steps_per_epoch);
  monitoring.info.history = history_of(earlier.lives, parts.position.step);
  monitoring.info.history.best_map = std::max(0.0, parts.position.best_map);
  monitoring.gpus = gpu_names(parts, group);
  monitoring.expects_clean_stop = request.resume == "auto";
  if (group.is_root()) {
    int64_t values = 0;
    for (const auto& [name, tensor] : parts.parameters) values += tensor.numel();
    log::info(
        text("%.2f M trained values, %ld steps of %ld images (%ld an epoch), %d rank(s) x %ld x "
             "%ld images, %d thread(s) a rank, %s",
             static_cast<double>(values) * 1e-6, schedule.last_step(), parts.options.batch.global,
             parts.steps_per_epoch, group.world(), parts.batch.parts, parts.batch.per_part,
             group.threads(), std::string(group.gradients().backend()).c_str()));
    const OptimizerOptions& optimizer = parts.options.optimizer;
    if (optimizer.scaling != "none") {
      log::info(text("learning rate %g: %g for a batch of %ld, scaled to %ld (%s)",
                     parts.options.learning_rate(), optimizer.learning_rate, optimizer.base_batch,
                     parts.options.batch.global, optimizer.scaling.c_str()));
    }
    if (checkpoint)
      log::info(text("resumed from %s at step %ld", checkpoint->c_str(), state->step));
    if (checkpoint && state->step >= schedule.last_step())
      log::warn(
          text("the schedule ends at step %ld: nothing is left to train; raise "
               "schedule.epochs or schedule.max_steps",
               schedule.last_step()));
    const WeightsOptions& weights = parts.options.weights;
    if (!checkpoint && weights.backbone.empty() && weights.init.empty())
      log::info(
          "the backbone starts from random values: weights.backbone names a file of trained "
          "ones (docs/weights.md)");
    for (const SettingChange& change : changes)
      log::warn(text("%s was %s until now and is %s from here on", change.key.c_str(),
                     change.was.c_str(), change.is.c_str()));
    for (const SettingChange& change : others)
      log::info(text("%s was %s until now and is %s from here on", change.key.c_str(),
                     change.was.c_str(), change.is.c_str()));
  }
  auto trainer = std::make_unique<Trainer>(std::move(parts), group, *packs.train, packs.eval.get(),
                                           monitoring);
  if (checkpoint) trainer->restore(*checkpoint, *state);
  changes.insert(changes.end(), others.begin(), others.end());
  if (directory != nullptr) directory->require_held();  // building took its time
  if (!request.run_dir.empty())
    write_manifest(request, packs, group, earlier,
                   {.id = directory != nullptr ? directory->start() : "",
                    .first_step = monitoring.info.first_step,
                    .total_steps = monitoring.info.total_steps,
                    .steps_per_epoch = monitoring.info.steps_per_epoch,
                    .changes = changes,
                    .repeated_steps = trainer->monitor().repeated_steps(),
                    .taken_from = directory != nullptr ? directory->taken_from() : ""});
  return trainer;
}

}  // namespace catamaran
