#include "trainer/trainer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "model/weights.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"
#include "trainer/checkpoint_self_test.h"
#include "trainer/consistency.h"
#include "trainer/device.h"
#include "trainer/gradient_probe.h"
#include "trainer/loader_options.h"
#include "trainer/parameter_groups.h"
#include "trainer/rehearsal.h"
#include "trainer/resume.h"
#include "trainer/time_line.h"

namespace catamaran {
namespace {

// A copy on the CPU that the background writer may read while training goes on.
NamedTensors snapshot(const NamedTensors& live) {
  NamedTensors copy;
  for (const auto& [name, tensor] : live) {
    copy.emplace_back(name, tensor.detach().to(torch::TensorOptions().device(torch::kCPU),
                                               /*non_blocking=*/false, /*copy=*/true));
  }
  return copy;
}

// As the loss will see them: difficult labels count by their rule.
ClassCounts class_counts(const PackReader& pack, const DataOptions& data) {
  const DifficultRule difficult = difficult_rule(data.difficult_train);
  const PackManifest& manifest = pack.manifest();
  ClassCounts counts;
  for (size_t c = 0; c < manifest.classes.size(); ++c) {
    const int64_t ignored = manifest.ignored[c];
    const int64_t present = difficult == DifficultRule::kPositive ? ignored : 0;
    const int64_t unused = difficult == DifficultRule::kIgnore ? ignored : 0;
    counts.positives.push_back(manifest.positives[c] + present);
    counts.negatives.push_back(manifest.images - unused - counts.positives.back());
  }
  return counts;
}

EvaluatorOptions evaluator_options(const RunOptions& options, const BatchSplit& batch,
                                   int threads) {
  const LoaderOptions loading = loader_options(options, threads);
  return {.input = options.model.input,
          .center_crop = loading.sample.center_crop,
          .compute = options.precision.compute,
          .batch = options.evaluate.batch > 0 ? options.evaluate.batch : batch.per_part,
          .loader_threads = loading.threads,
          .prefetch_batches = loading.prefetch_batches,
          .read_timeout_seconds = loading.timeout_seconds};
}

std::string name_of_evaluation(int64_t step, int64_t steps_per_epoch) {
  char name[40];
  if (step % steps_per_epoch == 0) {
    std::snprintf(name, sizeof name, "epoch-%04ld", step / steps_per_epoch);
  } else {
    std::snprintf(name, sizeof name, "step-%08ld", step);
  }
  return name;
}

}  // namespace

Trainer::Trainer(TrainerParts parts, ProcessGroup& group, const PackReader& train,
                 const PackReader* eval, const MonitorSetup& monitoring)
    : parts_(std::move(parts)),
      group_(group),
      train_pack_(train),
      trace_(std::make_shared<TraceRecorder>(parts_.options.trace)),
      precision_(parts_.options.precision.compute, parts_.device),
      loss_(parts_.options.loss,
            positive_weights(parts_.options.loss, class_counts(train, parts_.options.data)),
            parts_.device),
      scaler_(parts_.options.precision, parts_.options.batch.global * train.classes(),
              parts_.device, parts_.options.loss_is_scaled()),
      arena_(tensors_of(parts_.parameters), arena_layout(parts_, precision_, loss_, group),
             group.gradients(), parts_.device),
      reducer_(arena_, group.gradients(), parts_.options.reducer, parts_.device),
      optimizer_(make_optimizer(parts_.options.optimizer, parts_.parameters, arena_)),
      schedule_(parts_.options.schedule, parts_.steps_per_epoch, parts_.options.batch.global),
      ema_(*parts_.cat, parts_.options.ema, parts_.options.batch.global, &arena_),
      buffers_before_(tensors_of(parts_.buffers)),
      order_(parts_.options.seed, train.images(), parts_.options.batch.global),
      labels_{difficult_rule(parts_.options.data.difficult_train),
              mixed_labels(parts_.options.data.augment.mix_labels)},
      monitor_(parts_.options, monitoring),
      evaluate_every_{
          steps_of_epochs(parts_.options.evaluate.every_epochs, parts_.steps_per_epoch)},
      checkpoint_every_{
          parts_.options.checkpoint.every_steps > 0
              ? parts_.options.checkpoint.every_steps
              : steps_of_epochs(parts_.options.checkpoint.every_epochs, parts_.steps_per_epoch)},
      keep_every_{parts_.options.checkpoint.keep_every_epochs * parts_.steps_per_epoch},
      consistency_every_{parts_.options.numerics.consistency_every_steps},
      probe_every_{probe_interval(parts_.options.numerics.probe_every_steps, group)},
      faults_(parts_.options.testing, group.rank()),
      own_work_(group.world()),
      data_waits_(group.world()),
      stragglers_(parts_.options.monitoring.straggler_factor, group.all_gather(group.host_name())) {
  if (parts_.options.clip.mode == "agc") {
    adaptive_clip_.emplace(parts_.parameters, arena_.gradient_views(),
                           parts_.options.clip.agc_factor);
  }
  if (eval != nullptr) {
    evaluator_.emplace(*eval, evaluator_options(parts_.options, parts_.batch, group.threads()),
                       group, parts_.device);
  }
  const NumericsOptions& numerics = parts_.options.numerics;
  if (numerics.on_spike != "none") spikes_.emplace(numerics.spike_factor, numerics.spike_window);
  if (group.is_root() && parts_.deadline)
    limit_.emplace(parts_.deadline->steady_seconds, steady_seconds());
  if (group.is_root()) {
    log::info(table_of_groups(group_parameters(parts_.options.optimizer, parts_.parameters)));
  }
  if (group.is_root() && !parts_.run_dir.empty()) {
    writer_ = std::make_unique<CheckpointWriter>(
        parts_.run_dir / "checkpoints",
        Retention{.keep = parts_.options.checkpoint.keep, .keep_every_steps = keep_every_.steps},
        [this](const CheckpointEnd& end) {
          const double now = steady_seconds();
          trace_->add(TraceLane::kCheckpoint, "write", now - end.write_seconds, now,
                      {.name = "bytes", .value = end.bytes});
          longest_checkpoint_ =
              std::max(longest_checkpoint_.load(), end.stall_seconds + end.write_seconds);
          monitor_.checkpoint_ended(end);
        },
        [directory = parts_.directory] {
          if (directory) directory->require_held();
        },
        WritePatience{.timeout_seconds = parts_.options.checkpoint.timeout_seconds});
  }
}

void Trainer::require_run_directory() const {
  if (parts_.directory) parts_.directory->require_held();
}

void Trainer::prove_storage() {
  if (!group_.is_root() || parts_.run_dir.empty()) return;
  const std::filesystem::path folder = parts_.run_dir / "checkpoints";
  if (!checkpoints_newest_first(folder).empty()) return;
  monitor_.set_state(RunState::kSelfTest);
  const SelfTest test = self_test_checkpoints(folder);
  monitor_.record_self_test(test.seconds);
  log::info(text("self-test of checkpoints: %.1f MB written, read back and compared in %.2f s",
                 static_cast<double>(test.bytes) * 1e-6, test.seconds));
}

void Trainer::restore(const std::filesystem::path& checkpoint, const CheckpointState& state) {
  restored_ = checkpoint;
  const std::filesystem::path optimizer = checkpoint / "optimizer.safetensors";
  optimizer_->load_state(read_safetensors(optimizer).tensors, optimizer.string());
  if (state.loss_scaled) scaler_.restore(state.loss_scale, state.loss_scale_applied);
  if (!ema_.enabled()) return;
  const std::filesystem::path average = checkpoint / "ema.safetensors";
  if (!read_checkpoint_record(checkpoint).checksums.contains("ema.safetensors")) {
    throw WeightsError("the checkpoint has no averaged weights, but ema.decay is not 0",
                       checkpoint.string(), "resume with --set ema.decay=0");
  }
  ema_.load(read_safetensors(average).tensors, state.ema_updates, average.string());
}

void Trainer::start_loading() {
  const int64_t parts = parts_.batch.parts;
  LoaderOptions loading = loader_options(parts_.options, group_.threads());
  if (parts_.options.trace.enabled) loading.on_image = image_recorder(trace_);
  loader_ = std::make_unique<Loader>(
      train_pack_, loading, [this](int64_t k) { return keys_of_batch(k); },
      parts_.position.step * parts, host_allocator_for(parts_.device));
  feed_ = std::make_unique<BatchFeed>(
      *loader_, FeedOptions{.input = parts_.options.model.input, .labels = labels_}, parts_.device,
      side_);
}

void Trainer::explore(const std::function<bool(const StepReport&)>& go_on) {
  start_loading();
  for (int64_t t = 0; t < schedule_.last_step(); ++t) {
    const StepReport report = step(t);
    check_samples(report);
    if (!go_on(report)) return;
  }
}

ExitReason Trainer::run() {
  const int64_t last = schedule_.last_step();
  start_loading();
  announce_deadline();
  monitor_.set_state(RunState::kTrain);
  if (parts_.position.step > 0 && evaluate_every_.due(parts_.position.step)) evaluate_once();
  for (int64_t t = parts_.position.step; t < last && !stop_; ++t) {
    log_samples(t);
    after_step(step(t));
  }
  if (parts_.position.step >= last) evaluate_once();
  const bool done = parts_.position.step >= last && !owes_evaluation();
  if (parts_.position.saved_step != parts_.position.step)
    save_checkpoint(done ? "final" : "signal");
  monitor_.set_state(RunState::kFinish);
  if (is_monitored()) share_figures();
  const Stopwatch writing;
  wait_for_writer();  // a launcher ends all ranks at the first non-zero exit: durable work first
  if (writer_) writer_->finish();
  monitor_.record_stall(writing.seconds());
  end_life(done);
  if (done) show_last_page(/*ended_well=*/true);
  monitor_.ended_cleanly();
  group_.barrier();
  if (parts_.options.trace.enabled)
    write_time_line(*trace_, parts_.options.trace, parts_.run_dir, parts_.directory.get(), group_,
                    parts_.options.comm.timeout_seconds);
  return done ? ExitReason::kDone : ExitReason::kStoppedResumable;
}

void Trainer::after_step(const StepReport& report) {
  parts_.position.step = report.step;
  if (writer_) writer_->look();
  if (limit_) limit_->step_took(report.step_seconds);
  StepReport complete = report;
  const std::array<double, 3> fusion = parts_.cat->fusion_weights();
  complete.alpha = fusion[0];
  complete.beta = fusion[1];
  complete.gamma = fusion[2];
  monitor_.record(complete);
  if (figures_wanted_) share_figures();
  if (const auto line = stragglers_.line(report.slowest, steady_seconds());
      line && group_.is_root())
    log::info(*line);
  check_numerics(report);
  check_samples(report);
  const bool last = report.step == schedule_.last_step();
  if (consistency_every_.due(report.step)) check_consistency();
  if (probe_every_.due(report.step)) probe();
  const bool better = (evaluate_every_.due(report.step) || last) && evaluate_once();
  if (checkpoint_every_.due(report.step) || keep_every_.due(report.step) || last) {
    save_checkpoint(last ? "final" : "periodic");
  } else if (better) {  // the best is kept, whatever the two intervals are
    save_checkpoint("best");
  }
}

bool Trainer::owes_evaluation() const {
  return evaluator_ && parts_.position.evaluated_step != parts_.position.step;
}

// A stop comes first: the evaluation is left out, or broken off, and made up for when the run goes
// on.
bool Trainer::evaluate_once() {
  if (!owes_evaluation() || stop_) return false;
  monitor_.set_state(RunState::kEval);
  const TraceSpan span(*trace_, "evaluation");
  const Stopwatch watch;
  average_buffers(parts_.buffers, group_, parts_.device);
  Evaluation evaluation;
  EvaluationCurves curves;
  {
    std::optional<EmaSwap> averaged;
    if (ema_.enabled()) {
      average_buffers(ema_.average_buffers(), group_, parts_.device);
      averaged.emplace(ema_);
    }
    const std::optional<ScoreTable> table = evaluator_->score_unless(
        [this] { return signalled() || is_time_to_stop(false); }, *parts_.cat);
    if (!table) {
      stop_ = true;
      return false;
    }
    if (group_.is_root()) {
      const Protocol& asked = protocol(parts_.options.evaluate.protocol);
      evaluation = catamaran::evaluate(*table, asked);
      curves = curves_of(*table, asked);
    }
  }
  if (limit_) limit_->evaluation_took(watch.seconds());
  parts_.position.evaluated_step = parts_.position.step;
  parts_.position.saved_step = -1;  // a checkpoint of this step does not know of the evaluation
  if (group_.is_root()) {
    const std::string name = name_of_evaluation(parts_.position.step, parts_.steps_per_epoch);
    monitor_.record(evaluation, name, ema_.enabled() ? "ema" : "raw", parts_.position.step,
                    watch.seconds());
    monitor_.record(curves, name);
  }
  double map = evaluation.map;  // rank 0 has it; what follows from it is every rank's work
  group_.host().broadcast(&map, sizeof map, 0, nullptr);
  const bool better = map > parts_.position.best_map;
  if (better) {
    parts_.position.best_map = map;
    parts_.position.best_step = parts_.position.step;
  }
  monitor_.set_state(RunState::kTrain);
  return better;
}

// Storage may take longer than comm.timeout_seconds: the other ranks ask again and again, instead
// of waiting in one collective for a rank 0 that writes. A write that does not return is an error
// of all.
void Trainer::wait_for_writer() {
  constexpr std::chrono::milliseconds kBetweenQuestions(50);
  while (true) {
    auto state = static_cast<double>(writer_ ? writer_->look() : WriteState::kNone);
    group_.host().all_reduce(&state, 1, DataType::kFloat64, ReduceOp::kMax);
    if (state == static_cast<double>(WriteState::kNone)) return;
    if (state == static_cast<double>(WriteState::kOverdue)) {
      if (writer_) throw writer_->give_up();
      throw WeightsError("rank 0 has been writing a checkpoint for too long",
                         (parts_.run_dir / "checkpoints").string(),
                         "see what rank 0 says of it; checkpoint.timeout_seconds is how long a "
                         "write may take");
    }
    trace_->moved();
    std::this_thread::sleep_for(kBetweenQuestions);
  }
}

void Trainer::save_checkpoint(const std::string& kind) {
  const Stopwatch stall;
  const TraceSpan span(*trace_, "checkpoint stall");
  monitor_.set_state(RunState::kCheckpoint);
  wait_for_writer();
  check_consistency();
  average_buffers(parts_.buffers, group_, parts_.device);
  average_buffers(ema_.average_buffers(), group_, parts_.device);
  parts_.position.saved_step = parts_.position.step;
  saved_steps_.insert(parts_.position.step);
  if (parts_.position.skipped_in_row == 0) rollbacks_ = 0;  // it holds steps made since then
  if (writer_) {
    CheckpointContents contents;
    contents.state.step = parts_.position.step;
    contents.state.epoch = parts_.position.step / parts_.steps_per_epoch;
    contents.state.step_in_epoch = parts_.position.step % parts_.steps_per_epoch;
    contents.state.ema_updates = ema_.updates();
    contents.state.skipped_in_row = parts_.position.skipped_in_row;
    contents.state.substituted = parts_.position.substituted;
    contents.state.precision = parts_.options.precision.compute;
    contents.state.loss_scaled = parts_.options.loss_is_scaled();
    contents.state.loss_scale = scaler_.scale();
    contents.state.loss_scale_applied = scaler_.applied_in_row();
    contents.state.world = group_.world();
    contents.state.global_batch = parts_.options.batch.global;
    contents.state.seed = parts_.options.seed;
    contents.state.train_fingerprint = parts_.train_fingerprint;
    contents.state.optimizer = parts_.options.optimizer.name;
    contents.state.optimizer_settings = optimizer_settings(parts_.options.optimizer);
    contents.state.settings = parts_.settings;
    contents.state.model = to_json(parts_.options.model);
    contents.state.evaluated_step = parts_.position.evaluated_step;
    contents.state.best_map = parts_.position.best_map;
    contents.state.best_step = parts_.position.best_step;
    contents.state.classes = parts_.classes;
    contents.view = parts_.options.evaluate.view;
    contents.model = snapshot(state_dict(*parts_.cat));
    contents.ema = snapshot(ema_.average());
    contents.optimizer = snapshot(optimizer_->state());
    writer_->save(std::move(contents), kind, stall);
  }
  monitor_.record_stall(stall.seconds());
  monitor_.set_state(RunState::kTrain);
}

std::vector<SampleKey> Trainer::keys_of_batch(int64_t batch) {
  const int64_t parts = parts_.batch.parts;
  const int64_t step = batch / parts;
  if (step >= schedule_.last_step()) return {};
  const std::vector<SampleKey> global = order_.step(step);
  const std::span<const SampleKey> mine = part_of_rank(global, group_.rank(), group_.world());
  const auto part = mine.subspan(static_cast<size_t>(batch % parts * parts_.batch.per_part),
                                 static_cast<size_t>(parts_.batch.per_part));
  return {part.begin(), part.end()};
}

void Trainer::log_samples(int64_t t) {
  if (!monitor_.wants_samples()) return;
  std::vector<std::string> ids;
  for (const SampleKey& key : order_.step(t)) ids.push_back(train_pack_.id(key.index));
  monitor_.record_samples(t + 1, ids);
}

}  // namespace catamaran
