// Trainer: the step loop. Its members are the typed parts of data-parallel training;
// trainer/builder makes them, step.cpp uses them in one fixed order. Extension is a new part, not a
// callback.
//
//   std::unique_ptr<Trainer> trainer = build_trainer(request, packs, group);
//   ExitReason reason = trainer->run();
//
// Source: design of the step in docs/architecture.md. Only the thread that runs the step loop; all
// ranks run the same calls.
#pragma once

#include <torch/torch.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataio/loader.h"
#include "dataio/sample_order.h"
#include "model/cat.h"
#include "model/losses.h"
#include "monitoring/step_report.h"
#include "monitoring/trace.h"
#include "trainer/api.h"
#include "trainer/batch_feed.h"
#include "trainer/buffer_snapshot.h"
#include "trainer/checkpoint_writer.h"
#include "trainer/device_batch.h"
#include "trainer/ema.h"
#include "trainer/evaluator.h"
#include "trainer/figures_exchange.h"
#include "trainer/gradient_clip.h"
#include "trainer/gradient_reducer.h"
#include "trainer/injected_faults.h"
#include "trainer/loss_scaler.h"
#include "trainer/monitor.h"
#include "trainer/optimizer.h"
#include "trainer/parameter_arena.h"
#include "trainer/precision.h"
#include "trainer/schedule.h"
#include "trainer/spike_detector.h"
#include "trainer/step_sums.h"
#include "trainer/stragglers.h"
#include "trainer/time_limit.h"
#include "trainer/trainer_parts.h"

namespace catamaran {

// "Every so many steps", counted from the start of the run; 0: never.
struct Every {
  int64_t steps = 0;
  bool due(int64_t step_done) const { return steps > 0 && step_done % steps == 0; }
};

class Trainer {
 public:
  Trainer(TrainerParts parts, ProcessGroup& group, const PackReader& train, const PackReader* eval,
          const MonitorSetup& monitoring);

  // Restores optimizer, average and loss scale; the model's values and the position are the
  // builder's work.
  void restore(const std::filesystem::path& checkpoint, const CheckpointState& state);
  // Before the first step of a run without a checkpoint: storage that keeps checkpoints badly shows
  // now, not after a day. Rank 0 writes one and reads it back; WeightsError.
  void prove_storage();
  ExitReason run();
  // Steps alone, from the first one, until go_on says no (the same on all ranks) or the schedule
  // ends: no evaluation, no checkpoint, no line in a log.
  void explore(const std::function<bool(const StepReport&)>& go_on);

  int64_t steps_done() const { return parts_.position.step; }
  std::shared_ptr<const TraceRecorder> trace() const { return trace_; }
  // Of a run that has ended: why, where it was not done.
  const std::string& stop_reason() const { return stop_reason_; }
  const Monitor& monitor() const { return monitor_; }
  // Nothing of the start is left to fail: the run may be found.
  void announce() { monitor_.announce(); }
  // For the metrics: Metrics::follow_heartbeats.
  void follow_heartbeats(std::function<std::vector<double>()> silences) {
    monitor_.follow_heartbeats(std::move(silences));
  }

 private:
  void start_loading();
  StepReport step(int64_t t);
  void note_ranks(const StepSums& global, double after_sums_seconds,
                  const std::vector<FinishedOperation>& between_steps, StepReport& report);
  bool apply_gradients(int64_t t, const StepSums& global, StepReport& report);
  void log_samples(int64_t t);
  void after_step(const StepReport& report);
  bool owes_evaluation() const;
  bool evaluate_once();  // true: better than every evaluation before
  void save_checkpoint(const std::string& kind);
  void wait_for_writer();
  void require_run_directory() const;
  bool is_monitored() const;
  bool wants_figures(int64_t step_done);
  void share_figures();
  void end_together();
  void show_last_page(bool ended_well);
  bool signalled() const { return parts_.stop_wish != nullptr && parts_.stop_wish->load(); }
  bool wishes_to_stop(int64_t step_done);
  bool is_time_to_stop(bool evaluation_next);
  void announce_deadline() const;
  void end_life(bool done);
  void check_numerics(const StepReport& report);
  void log_skipped(const StepReport& report);
  void go_back(const StepReport& report);
  std::filesystem::path checkpoint_to_go_back_to() const;
  void check_samples(const StepReport& report);
  void check_consistency();
  NamedTensors tensors_alike() const;
  void probe();
  uint64_t hash_of_probe();
  std::vector<SampleKey> keys_of_batch(int64_t batch);

  TrainerParts parts_;
  ProcessGroup& group_;
  const PackReader& train_pack_;
  std::shared_ptr<TraceRecorder> trace_;  // the loader's threads have a share
  int64_t steps_made_ = 0;                // by this start of the run
  Precision precision_;
  Loss loss_;
  LossScaler scaler_;
  ParameterArena arena_;
  GradientReducer reducer_;
  std::optional<AdaptiveClip> adaptive_clip_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  Ema ema_;
  BufferSnapshot buffers_before_;
  SampleOrder order_;
  LabelRules labels_;
  Monitor monitor_;
  std::optional<Evaluator> evaluator_;
  std::optional<SpikeDetector> spikes_;
  std::optional<Spike> spike_;                 // of the newest step
  int64_t rollbacks_ = 0;                      // since the newest checkpoint
  std::set<int64_t> saved_steps_;              // of the checkpoints of this life
  std::filesystem::path restored_;             // the checkpoint that this life began with; or empty
  std::optional<TimeLimit> limit_;             // rank 0
  std::string stop_reason_;                    // rank 0, once it is known
  std::atomic<double> longest_checkpoint_{0};  // seconds; the writer's thread raises it
  std::unique_ptr<CheckpointWriter> writer_;   // rank 0
  std::unique_ptr<Loader> loader_;             // made by run(), at the position
  SideStream side_{parts_.device};
  std::unique_ptr<BatchFeed> feed_;  // of loader_
  Every evaluate_every_;
  Every checkpoint_every_;
  Every keep_every_;  // a checkpoint that stays for good
  Every consistency_every_;
  Every probe_every_;
  InjectedFaults faults_;
  OwnWork own_work_;
  OwnWork data_waits_;
  FiguresDue figures_due_;       // rank 0
  bool figures_wanted_ = false;  // by rank 0, with the newest step
  StragglerLines stragglers_;
  bool stop_ = false;  // some rank wished so
};

}  // namespace catamaran
