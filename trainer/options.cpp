#include "trainer/options.h"

#include <algorithm>

#include "evaluation/protocol.h"
#include "support/error.h"
#include "support/nearest.h"

namespace catamaran {
namespace {

class Problems {
 public:
  void require(bool holds, const std::string& key, const std::string& rule) {
    if (!holds) list_.push_back(key + ": " + rule);
  }
  void require_one_of(const std::string& key, const std::string& value,
                      const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    list_.push_back(key + ": '" + value + "' is not known" + did_you_mean(value, known) +
                    "; use one of " + all);
  }
  template <typename Check>
  void collect(Check&& check) {
    try {
      check();
    } catch (const UsageError& problem) {
      list_.emplace_back(problem.what());
    }
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

void check_data(const DataOptions& data, int64_t input_size, Problems& p) {
  p.require(!data.train.empty(), "data.train",
            "name the folder of the training pack (made by `catamaran pack`)");
  p.require_one_of("data.difficult_train", data.difficult_train,
                   {"ignore", "positive", "negative"});
  p.require(data.threads >= 0 && data.threads <= 1024, "data.threads", "must be 0 to 1024");
  p.require(data.prefetch_batches >= 1 && data.prefetch_batches <= 1024, "data.prefetch_batches",
            "must be 1 to 1024");
  p.collect([&] { data.augment.check(); });
  p.require(data.augment.crop == "none" || data.augment.resize >= input_size, "data.augment.resize",
            "the canvas of multi_scale must be at least model.input.size = " +
                std::to_string(input_size));
}

void check_optimizer(const OptimizerOptions& o, Problems& p) {
  p.require_one_of("optimizer.name", o.name, {"adamw", "sgd"});
  p.require(o.learning_rate > 0, "optimizer.learning_rate", "must be positive");
  p.require(o.backbone_ratio >= 0, "optimizer.backbone_ratio", "must not be negative");
  p.require(o.weight_decay >= 0, "optimizer.weight_decay", "must not be negative");
  p.require(o.momentum >= 0 && o.momentum < 1, "optimizer.momentum", "must be in [0, 1)");
  p.require(o.beta1 >= 0 && o.beta1 < 1, "optimizer.beta1", "must be in [0, 1)");
  p.require(o.beta2 >= 0 && o.beta2 < 1, "optimizer.beta2", "must be in [0, 1)");
  p.require(o.epsilon > 0, "optimizer.epsilon", "must be positive");
}

void check_schedule(const ScheduleOptions& s, Problems& p) {
  p.require_one_of("schedule.name", s.name, {"onecycle", "cosine", "step", "constant"});
  p.require(s.epochs > 0, "schedule.epochs", "must be positive");
  p.require(s.max_steps >= 0, "schedule.max_steps", "must not be negative");
  p.require(
      s.warmup_epochs >= 0 && (s.epochs <= 0 || s.warmup_epochs <= static_cast<double>(s.epochs)),
      "schedule.warmup_epochs", "must be 0 to schedule.epochs");
  p.require(s.name != "onecycle" || s.warmup_epochs == 0, "schedule.warmup_epochs",
            "onecycle has its own rise: use schedule.pct_start");
  p.require(std::is_sorted(s.milestones.begin(), s.milestones.end()), "schedule.milestones",
            "must ascend");
  p.require(s.gamma > 0, "schedule.gamma", "must be positive");
  p.require(s.pct_start > 0 && s.pct_start < 1, "schedule.pct_start", "must be between 0 and 1");
  p.require(s.div_factor > 0, "schedule.div_factor", "must be positive");
  p.require(s.final_div_factor > 0, "schedule.final_div_factor", "must be positive");
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

void check_rest(const RunOptions& o, Problems& p) {
  p.require(o.clip.max_norm >= 0, "clip.max_norm", "must not be negative");
  p.require(o.ema.decay >= 0 && o.ema.decay < 1, "ema.decay", "must be in [0, 1)");
  p.require(o.ema.reference_batch > 0, "ema.reference_batch", "must be positive");
  p.require(o.evaluate.every_epochs >= 0, "evaluate.every_epochs", "must not be negative");
  p.require_one_of("evaluate.protocol", o.evaluate.protocol, protocol_names());
  p.require(o.evaluate.batch >= 0, "evaluate.batch", "must not be negative");
  p.require(o.checkpoint.every_epochs >= 0, "checkpoint.every_epochs", "must not be negative");
  p.require(o.checkpoint.every_steps >= 0, "checkpoint.every_steps", "must not be negative");
  p.require(o.checkpoint.keep >= 1, "checkpoint.keep", "must be at least 1");
  p.require(o.reducer.first_bucket_bytes > 0, "reducer.first_bucket_bytes", "must be positive");
  p.require(o.reducer.bucket_bytes > 0, "reducer.bucket_bytes", "must be positive");
  p.require(o.numerics.max_consecutive_skips >= 1, "numerics.max_consecutive_skips",
            "must be at least 1");
  p.require(o.numerics.consistency_every_steps >= 0, "numerics.consistency_every_steps",
            "must not be negative");
  p.require(o.log.every_steps >= 1, "log.every_steps", "must be at least 1");
  p.collect([&] { o.comm.check(); });
  p.collect([&] { o.monitoring.check(); });
}

}  // namespace

std::vector<std::string> problems(const RunOptions& options) {
  Problems p;
  p.collect([&] { options.model.check(); });
  p.require(options.weights.backbone.empty() || options.weights.init.empty(), "weights.init",
            "give weights.backbone or weights.init, not both");
  check_data(options.data, options.model.input.size, p);
  p.require(options.batch.global > 0, "batch.global", "must be positive");
  p.require(options.batch.per_device > 0, "batch.per_device", "must be positive");
  check_optimizer(options.optimizer, p);
  check_schedule(options.schedule, p);
  p.collect([&] { options.loss.check(); });
  check_precision(options.precision, p);
  check_rest(options, p);
  return p.take();
}

}  // namespace catamaran
