#include "trainer/options.h"

#include <algorithm>
#include <cmath>

#include "evaluation/protocol.h"
#include "support/problems.h"
#include "trainer/spike_detector.h"

namespace catamaran {
namespace {

// Ceilings far above any real run keep sums and products of numbers inside int64_t.
constexpr int64_t kMostEpochs = 1'000'000;
constexpr int64_t kMostImages = int64_t{1} << 24;  // of one step
constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr int64_t kMostScheduleImages = int64_t{1} << 50;

bool positive(double value) { return value > 0 && std::isfinite(value); }
bool not_negative(double value) { return value >= 0 && std::isfinite(value); }

void check_data(const DataOptions& data, int64_t input_size, Problems& p) {
  p.require(!data.train.empty(), "data.train",
            "name the folder of the training pack (made by `catamaran pack`)");
  p.require_one_of("data.difficult_train", data.difficult_train,
                   {"ignore", "positive", "negative"});
  p.require(data.threads >= 0 && data.threads <= 1024, "data.threads", "must be 0 to 1024");
  p.require(data.prefetch_batches >= 1 && data.prefetch_batches <= 1024, "data.prefetch_batches",
            "must be 1 to 1024");
  p.add(data.augment.problems());
  p.require(data.cache_mib >= 0 && data.cache_mib <= (int64_t{1} << 30), "data.cache_mib",
            "must be 0 to 2^30");
  p.require_one_of("data.decode", data.decode, {"exact", "fast"});
  p.require_one_of("data.on_bad_sample", data.on_bad_sample, {"skip", "stop"});
  p.require(not_negative(data.timeout_seconds), "data.timeout_seconds",
            "must be 0 (three quarters of comm.timeout_seconds) or more and finite");
  p.require(!data.augment.resizes_to_canvas() || data.augment.resize >= input_size,
            "data.augment.resize",
            "the canvas must be at least model.input.size = " + std::to_string(input_size));
}

void check_trust_ratios(const OptimizerOptions& o, Problems& p) {
  const bool momentum = o.name == "sgd" || o.name == "lars";
  p.require(!o.nesterov || momentum, "optimizer.nesterov",
            o.name + " has no velocity to look ahead", "leave it out, or choose sgd or lars");
  p.require(!o.nesterov || !momentum || o.momentum > 0, "optimizer.nesterov",
            "needs optimizer.momentum above 0", "0.9 is usual");
  p.require_one_of("optimizer.lars_variant", o.lars_variant, {"timm", "moco", "larc"});
  p.require(positive(o.trust_coefficient), "optimizer.trust_coefficient",
            "must be positive and finite", "0.001 is usual, 0.02 with larc");
  p.require(not_negative(o.trust_cap), "optimizer.trust_cap",
            "must be 0 (none) or more and finite");
  p.require(!(o.trust_cap > 0) || o.name == "lamb", "optimizer.trust_cap",
            "is of lamb, and the optimizer is " + o.name,
            o.name == "lars" ? "optimizer.lars_variant = \"larc\" bounds the step of lars"
                             : "leave it out");
  const bool by_decay = o.name == "lamb" || (o.name == "lars" && o.lars_variant != "moco");
  p.require(!by_decay || o.weight_decay != 0, "optimizer.weight_decay",
            o.name + " gives trust ratios to tensors with weight decay only, so at 0 it is plain " +
                (o.name == "lamb" ? "adamw" : "sgd"),
            o.name == "lamb" ? "set it above 0, 0.02 is usual, or choose adamw"
                             : "set it above 0, or choose optimizer.lars_variant = \"moco\"");
}

void check_scaling(const OptimizerOptions& o, Problems& p) {
  p.require_one_of("optimizer.scaling", o.scaling, {"none", "linear", "sqrt"});
  p.require(o.base_batch >= 0 && o.base_batch <= kMostImages, "optimizer.base_batch",
            "must be 1 to 16777216, or 0 without scaling");
  p.require((o.scaling != "linear" && o.scaling != "sqrt") || o.base_batch != 0,
            "optimizer.base_batch", "is needed by optimizer.scaling = \"" + o.scaling + "\"",
            "name the global batch that optimizer.learning_rate was found for");
  p.require(o.scaling != "none" || o.base_batch == 0, "optimizer.base_batch",
            "has no effect with optimizer.scaling = \"none\"",
            "choose linear or sqrt, or leave it out");
}

void check_optimizer(const OptimizerOptions& o, Problems& p) {
  p.require_one_of("optimizer.name", o.name, {"adamw", "sgd", "lars", "lamb"});
  p.require(positive(o.learning_rate), "optimizer.learning_rate", "must be positive and finite");
  p.require(not_negative(o.backbone_ratio), "optimizer.backbone_ratio",
            "must be 0 or more and finite");
  p.require(not_negative(o.head_ratio), "optimizer.head_ratio", "must be 0 or more and finite");
  p.require(o.layer_decay > 0 && o.layer_decay <= 1, "optimizer.layer_decay",
            "must be above 0 and at most 1", "0.65 to 0.9 are usual; 1: no decay");
  p.require(not_negative(o.weight_decay), "optimizer.weight_decay", "must be 0 or more and finite");
  p.require(o.momentum >= 0 && o.momentum < 1, "optimizer.momentum", "must be in [0, 1)");
  p.require(o.beta1 >= 0 && o.beta1 < 1, "optimizer.beta1", "must be in [0, 1)");
  p.require(o.beta2 >= 0 && o.beta2 < 1, "optimizer.beta2", "must be in [0, 1)");
  p.require(positive(o.epsilon), "optimizer.epsilon", "must be positive and finite");
  check_trust_ratios(o, p);
  check_scaling(o, p);
}

// "set it to 96 or 128" for 100 images in batches of 32.
std::string nearest_multiples(int64_t images, int64_t batch) {
  const int64_t below = images / batch * batch;
  const std::string above = std::to_string(below + batch);
  return "set it to " + (below > 0 ? std::to_string(below) + " or " + above : above);
}

void check_schedule_images(const ScheduleOptions& s, int64_t batch, Problems& p) {
  p.require(s.images >= 0 && s.images <= kMostScheduleImages, "schedule.images",
            "must be 0 (schedule.epochs counts) to 2^50");
  if (s.images <= 0 || s.images > kMostScheduleImages) return;
  p.require(batch <= 0 || s.images % batch == 0, "schedule.images",
            "is no multiple of batch.global = " + std::to_string(batch),
            nearest_multiples(s.images, std::max<int64_t>(1, batch)));
  p.require(s.warmup_images <= s.images, "schedule.warmup_images", "must be 0 to schedule.images");
}

void check_schedule(const ScheduleOptions& s, Problems& p) {
  p.require_one_of("schedule.name", s.name, {"onecycle", "cosine", "step", "constant"});
  p.require(s.epochs > 0 && s.epochs <= kMostEpochs, "schedule.epochs", "must be 1 to 1000000");
  p.require(s.max_steps >= 0 && s.max_steps <= kMostSteps, "schedule.max_steps",
            "must be 0 to 99999999");
  p.require(s.warmup_epochs >= 0 &&
                (s.epochs <= 0 || s.images > 0 || s.warmup_epochs <= static_cast<double>(s.epochs)),
            "schedule.warmup_epochs", "must be 0 to schedule.epochs");
  p.require(s.name != "onecycle" || s.warmup_epochs == 0, "schedule.warmup_epochs",
            "onecycle has its own rise: use schedule.pct_start");
  p.require(s.warmup_images >= 0, "schedule.warmup_images", "must not be negative");
  p.require(s.name != "onecycle" || s.warmup_images <= 0, "schedule.warmup_images",
            "onecycle has its own rise: use schedule.pct_start");
  p.require(s.warmup_images <= 0 || s.warmup_epochs == 0, "schedule.warmup_images",
            "give it or schedule.warmup_epochs, not both");
  p.require(std::is_sorted(s.milestones.begin(), s.milestones.end()) &&
                std::ranges::all_of(s.milestones, not_negative),
            "schedule.milestones", "must ascend, be 0 or more and finite");
  p.require(positive(s.gamma), "schedule.gamma", "must be positive and finite");
  p.require(s.pct_start > 0 && s.pct_start < 1, "schedule.pct_start", "must be between 0 and 1");
  p.require(positive(s.div_factor), "schedule.div_factor", "must be positive and finite");
  p.require(positive(s.final_div_factor), "schedule.final_div_factor",
            "must be positive and finite");
  p.require(s.final_ratio >= 0 && s.final_ratio <= 1, "schedule.final_ratio", "must be 0 to 1");
}

void check_precision(const PrecisionOptions& o, Problems& p) {
  p.require_one_of("precision.compute", o.compute, {"fp32", "bf16", "fp16"});
  p.require(o.loss_scale > 0 && o.loss_scale <= 16777216, "precision.loss_scale",
            "must be positive and at most 2^24");
  p.require(o.growth >= 1, "precision.growth", "must be at least 1");
  p.require(o.backoff > 0 && o.backoff < 1, "precision.backoff", "must be between 0 and 1");
  p.require(o.growth_interval >= 1, "precision.growth_interval", "must be at least 1");
}

void check_numerics_options(const NumericsOptions& o, const CheckpointOptions& checkpoint,
                            Problems& p) {
  p.require(o.max_consecutive_skips >= 1, "numerics.max_consecutive_skips", "must be at least 1");
  p.require(o.consistency_every_steps >= 0, "numerics.consistency_every_steps",
            "must not be negative");
  p.require_one_of("numerics.on_spike", o.on_spike, {"none", "stop", "skip", "rollback"});
  p.require(o.on_spike != "rollback" || checkpoint.every_epochs > 0 || checkpoint.every_steps > 0,
            "numerics.on_spike", "rollback needs checkpoints, and they are written at the end only",
            "set checkpoint.every_steps or checkpoint.every_epochs");
  p.require(o.spike_factor > 1 && std::isfinite(o.spike_factor), "numerics.spike_factor",
            "must be above 1 and finite", "10 is usual");
  p.require(o.spike_window >= kLeastSpikeWindow && o.spike_window <= kMostSpikeWindow,
            "numerics.spike_window", "must be 20 to 10000");
}

void check_rest(const RunOptions& o, Problems& p) {
  p.require_one_of("clip.mode", o.clip.mode, {"norm", "agc"});
  p.require(not_negative(o.clip.max_norm), "clip.max_norm", "must be 0 or more and finite");
  p.require(o.clip.mode != "agc" || !(o.clip.max_norm > 0), "clip.max_norm",
            "is of clip.mode = \"norm\", and the mode is agc",
            "leave it out, clip.agc_factor is the bound there; or choose the other mode");
  p.require(positive(o.clip.agc_factor), "clip.agc_factor", "must be positive and finite",
            "0.01 is usual");
  p.require(o.ema.decay >= 0 && o.ema.decay < 1, "ema.decay", "must be in [0, 1)");
  p.require(o.ema.reference_batch > 0 && o.ema.reference_batch <= kMostImages,
            "ema.reference_batch", "must be 1 to 16777216");
  p.require(o.evaluate.every_epochs >= 0 && o.evaluate.every_epochs <= kMostEpochs,
            "evaluate.every_epochs", "must be 0 to 1000000");
  p.require_one_of("evaluate.protocol", o.evaluate.protocol, protocol_names());
  p.require(o.evaluate.batch >= 0 && o.evaluate.batch <= kMostImages, "evaluate.batch",
            "must be 0 to 16777216");
  p.add(o.evaluate.view.problems(o.model.input.size));
  p.require(o.checkpoint.every_epochs >= 0 && o.checkpoint.every_epochs <= kMostEpochs,
            "checkpoint.every_epochs", "must be 0 to 1000000");
  p.require(o.checkpoint.every_steps >= 0, "checkpoint.every_steps", "must not be negative");
  p.require(o.checkpoint.keep >= 1, "checkpoint.keep", "must be at least 1");
  p.require(o.checkpoint.keep_every_epochs >= 0 && o.checkpoint.keep_every_epochs <= kMostEpochs,
            "checkpoint.keep_every_epochs", "must be 0 to 1000000");
  p.require(o.checkpoint.most_starts_without_progress >= 0,
            "checkpoint.most_starts_without_progress", "must not be negative",
            "3 is usual; 0: the run is started however often it fails");
  p.require(o.checkpoint.timeout_seconds > 0 && o.checkpoint.timeout_seconds <= 1e6,
            "checkpoint.timeout_seconds", "must be more than 0 and at most 1000000 seconds",
            "1800 is the default");
  p.require(o.reducer.first_bucket_bytes > 0 && o.reducer.first_bucket_bytes <= kMostBytes,
            "reducer.first_bucket_bytes", "must be 1 to 2^40");
  p.require(o.reducer.bucket_bytes > 0 && o.reducer.bucket_bytes <= kMostBytes,
            "reducer.bucket_bytes", "must be 1 to 2^40");
  p.require(o.reducer.last_bucket_bytes > 0 && o.reducer.last_bucket_bytes <= kMostBytes,
            "reducer.last_bucket_bytes", "must be 1 to 2^40");
  p.require_one_of("reducer.compression", o.reducer.compression, {"none", "bf16", "fp16"});
  check_numerics_options(o.numerics, o.checkpoint, p);
  p.require(o.numerics.probe_every_steps >= 0, "numerics.probe_every_steps",
            "must not be negative");
  p.require(o.log.every_steps >= 1, "log.every_steps", "must be at least 1");
  p.add(o.comm.problems());
  p.add(o.monitoring.problems());
  p.add(o.trace.problems());
  p.add(o.testing.problems());
}

}  // namespace

double RunOptions::learning_rate() const {
  if (optimizer.scaling == "none") return optimizer.learning_rate;
  const double ratio =
      static_cast<double>(batch.global) / static_cast<double>(optimizer.base_batch);
  return optimizer.learning_rate * (optimizer.scaling == "sqrt" ? std::sqrt(ratio) : ratio);
}

std::vector<std::string> problems(const RunOptions& options) {
  Problems p;
  p.add(options.model.problems());
  p.require(options.weights.backbone.empty() || options.weights.init.empty(), "weights.init",
            "give weights.backbone or weights.init, not both");
  check_data(options.data, options.model.input.size, p);
  p.require(options.batch.global > 0 && options.batch.global <= kMostImages, "batch.global",
            "must be 1 to 16777216");
  p.require(options.batch.per_device > 0 && options.batch.per_device <= kMostImages,
            "batch.per_device", "must be 1 to 16777216");
  check_optimizer(options.optimizer, p);
  check_schedule(options.schedule, p);
  check_schedule_images(options.schedule, options.batch.global, p);
  p.add(options.loss.problems());
  check_precision(options.precision, p);
  check_rest(options, p);
  return p.take();
}

}  // namespace catamaran
