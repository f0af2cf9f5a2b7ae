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
#include <memory>
#include <optional>
#include <string>

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
#include "trainer/gradient_clip.h"
#include "trainer/gradient_reducer.h"
#include "trainer/loss_scaler.h"
#include "trainer/monitor.h"
#include "trainer/optimizer.h"
#include "trainer/precision.h"
#include "trainer/schedule.h"
#include "trainer/step_sums.h"

namespace catamaran {

// "Every so many steps", counted from the start of the run; 0: never.
struct Every {
  int64_t steps = 0;
  bool due(int64_t step_done) const { return steps > 0 && step_done % steps == 0; }
};

// Where the run is; restored from a checkpoint.
struct RunPosition {
  int64_t step = 0;  // done
  int64_t skipped_in_row = 0;
  int64_t substituted = 0;  // images, in the epoch that is running
  double best_map = -1;
  int64_t best_step = 0;
  int64_t evaluated_step = -1;  // newest evaluation
  int64_t saved_step = -1;      // newest checkpoint asked for
};

// Plain things and parts without dependencies among themselves, made first.
struct TrainerParts {
  RunOptions options;
  std::filesystem::path run_dir;
  torch::Device device = torch::Device(torch::kCPU);
  BatchSplit batch;
  int64_t steps_per_epoch = 0;
  std::string train_fingerprint;
  std::vector<std::string> classes;
  Cat cat{nullptr};
  NamedTensors parameters;  // those that are trained, in the reducer's order
  NamedTensors buffers;
  RunPosition position;
  const std::atomic<bool>* stop_wish = nullptr;
};

class Trainer {
 public:
  Trainer(TrainerParts parts, ProcessGroup& group, const PackReader& train, const PackReader* eval,
          const MonitorSetup& monitoring);

  // Restores optimizer, average and loss scale; the model's values and the position are the
  // builder's work.
  void restore(const std::filesystem::path& checkpoint, const CheckpointState& state);
  ExitReason run();

 private:
  StepReport step(int64_t t);
  bool apply_gradients(int64_t t, const StepSums& global, StepReport& report);
  void log_samples(int64_t t);
  void after_step(const StepReport& report);
  bool owes_evaluation() const;
  bool evaluate_once();  // true: better than every evaluation before
  void save_checkpoint(const std::string& kind);
  void wait_for_writer();
  void check_numerics(const StepReport& report);
  void check_samples(const StepReport& report);
  void check_consistency();
  std::vector<SampleKey> keys_of_batch(int64_t batch);

  TrainerParts parts_;
  ProcessGroup& group_;
  const PackReader& train_pack_;
  std::shared_ptr<TraceRecorder> trace_;  // the loader's threads have a share
  int64_t steps_made_ = 0;                // by this start of the run
  Precision precision_;
  Loss loss_;
  LossScaler scaler_;
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
  std::unique_ptr<CheckpointWriter> writer_;  // rank 0
  std::unique_ptr<Loader> loader_;            // made by run(), at the position
  SideStream side_{parts_.device};
  std::unique_ptr<BatchFeed> feed_;  // of loader_
  Every evaluate_every_;
  Every checkpoint_every_;
  Every consistency_every_;
  bool stop_ = false;  // some rank wished so
};

}  // namespace catamaran
