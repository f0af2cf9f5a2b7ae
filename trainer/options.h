// Options of a run: one struct per TOML table, each with its defaults and beside it the check that
// names the key. The tables of other folders (model, comm, monitoring, dataio's augmentation) are
// composed in RunOptions. Libraries never read TOML: launch/config fills this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "dataio/augment.h"
#include "dataio/evaluation_crop.h"
#include "model/loss_options.h"
#include "model/options.h"
#include "monitoring/metrics.h"
#include "monitoring/trace.h"
#include "trainer/fault_plan.h"

namespace catamaran {

struct DataOptions {  // [data]
  std::string train;  // pack folder
  std::string eval;   // pack folder; empty: no evaluation
  std::string difficult_train =
      "ignore";                // ignore, positive, negative: what label 0 means to the loss
  bool allow_overlap = false;  // images that are in both packs, recorded in the manifest
  int64_t threads = 0;         // loader threads a rank; 0: as many as compute threads
  int64_t prefetch_batches = 4;
  std::string stage;             // folder of the node's scratch disk to copy packs to; "": none
  int64_t cache_mib = 0;         // of packed images kept in memory, a rank
  std::string decode = "exact";  // exact, fast: dataio/image.h
  std::string on_bad_sample = "skip";  // skip: another image takes its place; stop
  double timeout_seconds = 0;  // of a read, and of staging without a byte more: RunOptions says 0
  AugmentOptions augment;      // [data.augment]
};

struct BatchOptions {       // [batch]
  int64_t global = 32;      // images of one optimizer step, over all ranks
  int64_t per_device = 32;  // micro-batch at most; the rest is accumulated
};

struct WeightsOptions {  // [weights]
  std::string backbone;  // safetensors with timm's names; empty: random initialisation
  std::string init;      // whole model (fine-tuning); heads of another label set are left random
  bool allow_partial = false;  // start although tensors are missing
};

struct OptimizerOptions {        // [optimizer]
  std::string name = "adamw";    // sgd, adamw, lars, lamb
  double learning_rate = 1e-4;   // of the new layers; RunOptions::learning_rate() scales it
  std::string scaling = "none";  // none, linear, sqrt: of learning_rate with the batch
  int64_t base_batch = 0;        // linear, sqrt: the global batch that learning_rate is for
  double backbone_ratio = 1.0;   // the backbone's learning rate is this times the above
  double head_ratio = 1.0;       // the heads' likewise
  double layer_decay = 1.0;      // the backbone's stage k from the top: times this^k; 1: all alike
  double weight_decay = 1e-4;    // on tensors of two or more dimensions
  double momentum = 0.9;         // sgd, lars
  bool nesterov = false;         // sgd, lars
  double beta1 = 0.9;            // adamw, lamb
  double beta2 = 0.999;
  double epsilon = 1e-8;              // adamw, lamb, lars but for moco
  std::string lars_variant = "timm";  // timm, moco, larc: trainer/lars.h
  double trust_coefficient = 0.001;   // lars
  double trust_cap = 0;               // lamb: trust ratio at most; 0: no cap
};

constexpr int64_t kMostSteps = 99'999'999;  // of a run: names of checkpoints have eight digits

struct ScheduleOptions {          // [schedule]
  std::string name = "onecycle";  // constant, step, cosine, onecycle; range, no key's value
  int64_t epochs = 40;
  int64_t images = 0;  // > 0: of the whole schedule, instead of epochs; a multiple of batch.global
  int64_t max_steps =
      0;  // > 0: stop after so many steps, the schedule's shape still spans the epochs
  double warmup_epochs = 0;                   // linear, for constant, step and cosine
  int64_t warmup_images = 0;                  // likewise, instead of warmup_epochs
  std::vector<double> milestones = {20, 30};  // epochs, step
  double gamma = 0.1;                         // step
  double pct_start = 0.3;                     // onecycle: share of steps that rise
  double div_factor = 25;                     // onecycle: first = learning_rate / div_factor
  double final_div_factor = 1e4;              // onecycle: last = first / final_div_factor
  double final_ratio = 0;                     // cosine: last = learning_rate * final_ratio
  double range_ratio = 1;  // range: last = learning_rate * range_ratio; no key, made by lr-find
};

struct PrecisionOptions {        // [precision]
  std::string compute = "fp32";  // of the model's forward and backward: fp32, bf16, fp16
  double loss_scale = 65536;     // fp16: the first one
  double growth = 2;             // fp16: of the loss scale after growth_interval applied steps
  double backoff = 0.5;          // fp16: of the loss scale after a step that overflowed
  int64_t growth_interval = 2000;
};

struct ClipOptions {          // [clip]
  std::string mode = "norm";  // norm: of all gradients together; agc: trainer/gradient_clip.h
  double max_norm = 0;        // norm: at most; 0: the norm is measured, nothing clipped
  double agc_factor = 0.01;   // agc: share of a unit's weights that its gradient may be
};

struct EmaOptions {               // [ema]
  double decay = 0.9997;          // at reference_batch images a step; 0: no average is kept
  int64_t reference_batch = 128;  // decay' = decay ^ (batch.global / reference_batch)
  bool warmup = true;             // decay' <= (1 + updates) / (10 + updates)
};

struct EvaluateOptions {    // [evaluate]
  double every_epochs = 1;  // 0: at the end only
  std::string protocol = "default";
  int64_t batch = 0;  // images a rank at a time; 0: batch.per_device
  EvaluationCrop view;
};

struct CheckpointOptions {  // [checkpoint]
  double every_epochs = 1;
  int64_t every_steps = 0;  // > 0: instead of every_epochs
  int64_t keep = 3;         // newest kept; besides, the best by mAP, written where none is due
  int64_t keep_every_epochs = 0;  // > 0: the end of every so many epochs is written and stays
  int64_t most_starts_without_progress = 3;  // that failed: trainer/crash_loop.h; 0: any number
  double timeout_seconds = 1800;             // of the write of one
};

struct ReducerOptions {                           // [reducer]
  int64_t first_bucket_bytes = int64_t{1} << 20;  // so that the exchange begins early
  int64_t bucket_bytes = int64_t{25} << 20;
  int64_t last_bucket_bytes = int64_t{1} << 20;  // nothing hides the exchange of the last one
  std::string compression = "none";              // none, bf16, fp16: of gradients on their way
};

struct NumericsOptions {                  // [numerics]
  int64_t max_consecutive_skips = 10;     // steps in a row that were not applied
  int64_t consistency_every_steps = 100;  // hash of parameters across ranks; 0: at checkpoints only
  int64_t probe_every_steps = 0;          // trainer/gradient_probe.h; 0: never
  std::string on_spike = "none";          // none, stop, skip, rollback: trainer/spike_detector.h
  double spike_factor = 10;               // times the median that is a spike
  int64_t spike_window = 100;             // steps that the median is of
};

struct LogOptions {         // [log]
  int64_t every_steps = 1;  // lines of metrics.jsonl
  bool samples = false;     // samples.jsonl: ids of every step in global order
};

struct RunOptions {
  std::string name;   // [run] name; empty: the run directory's name
  uint64_t seed = 1;  // [run] seed
  CatOptions model;   // [model], [model.input], [model.backbone], ...
  WeightsOptions weights;
  DataOptions data;
  BatchOptions batch;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  LossOptions loss;  // [loss]
  PrecisionOptions precision;
  ClipOptions clip;
  EmaOptions ema;
  EvaluateOptions evaluate;
  CheckpointOptions checkpoint;
  ReducerOptions reducer;
  NumericsOptions numerics;
  LogOptions log;
  CommOptions comm;              // [comm]
  MonitoringOptions monitoring;  // [monitoring]
  TraceOptions trace;            // [trace]
  TestingOptions testing;        // [testing]

  // optimizer.learning_rate for batch.global by optimizer.scaling: times r = batch.global /
  // base_batch (linear) or its root (sqrt).
  double learning_rate() const;

  // Gradients pass through fp16 somewhere: computed in it, or on their way between ranks.
  bool loss_is_scaled() const {
    return precision.compute == "fp16" || reducer.compression == "fp16";
  }

  // data.timeout_seconds; where it is 0, three quarters of comm.timeout_seconds: the rank whose
  // storage does not answer says so before the others give up waiting for it.
  double read_timeout_seconds() const {
    return data.timeout_seconds > 0 ? data.timeout_seconds : 0.75 * comm.timeout_seconds;
  }
};

// Every mistake of values and combinations, each a sentence that begins with its key; empty when
// there is none.
std::vector<std::string> problems(const RunOptions& options);

}  // namespace catamaran
