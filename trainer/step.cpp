// One optimizer step on the global batch; every rank brings its part. Left what is done, right the
// data and the paper's equations. Everything a decision rests on is reduced over ranks first, so
// all ranks decide alike.
#include <algorithm>
#include <cmath>

#include "support/clock.h"
#include "support/philox.h"
#include "trainer/device.h"
#include "trainer/exchange_check.h"
#include "trainer/flat_updates.h"
#include "trainer/gradient_clip.h"
#include "trainer/time_line.h"
#include "trainer/trainer.h"

namespace catamaran {
namespace {

// Dropout's random numbers are a function of (seed, step, rank, part): resuming needs no generator
// state.
void seed_dropout(uint64_t seed, int64_t step, int64_t part_of_all_ranks) {
  PhiloxStream random(seed, Purpose::kDropout, static_cast<uint32_t>(part_of_all_ranks),
                      static_cast<uint64_t>(step));
  torch::manual_seed((uint64_t{random.next()} << 32) | random.next());
}

// What the sums of all ranks say of a step; times are means over the ranks.
StepReport report_of(const StepSums& global, double world, size_t heads_with_loss) {
  StepReport report;
  report.loss = global.mean_loss();
  report.images = static_cast<int64_t>(global.images);
  report.bad_samples = global.faults();
  report.data_wait_seconds = global.data_wait_seconds / world;
  report.to_device_seconds = global.to_device_seconds / world;
  report.forward_seconds = global.forward_seconds / world;
  report.backward_seconds = global.backward_seconds / world;
  report.exchange_exposed_seconds = global.exchange_seconds / world;
  report.all_reduce_seconds = global.all_reduce_seconds / world;
  report.last_bucket_seconds = global.last_bucket_seconds / world;
  report.head_losses = global.mean_head_losses(heads_with_loss);
  return report;
}

static_assert(kBadSampleReasons.size() == kSampleFaults, "each fault has a name in the metrics");

void add_collectives(CollectiveOp op, const std::vector<FinishedOperation>& operations,
                     std::vector<CollectiveTime>& all) {
  for (const FinishedOperation& one : operations)
    all.push_back({.op = op, .bytes = one.bytes, .seconds = one.end_seconds - one.start_seconds});
}

}  // namespace

StepReport Trainer::step(int64_t t) {
  const RunOptions& options = parts_.options;
  const int64_t parts = parts_.batch.parts;
  Stopwatch whole;
  Stopwatch clock;
  StepSums sums;
  size_t heads_with_loss = 0;
  trace_->begin_step(++steps_made_);
  buffers_before_.take();
  faults_.before_step(t + 1);
  reducer_.break_exchange(faults_.in_exchange(t + 1));
  for (int64_t part = 0; part < parts; ++part) {
    // pack, JPEG, augmentation: uint8 BHWC; on the device: x_BCHW, y_BL in {1, 0, -1}
    const auto [host, in, waited, copied] = *feed_->next();
    sums.data_wait_seconds += waited;
    sums.to_device_seconds += copied;
    trace_->lap("data wait", waited);
    trace_->lap("to device");
    seed_dropout(options.seed, t, group_.rank() * parts + part);
    reducer_.begin_part(part == 0, part + 1 == parts);

    const CatOutput out = precision_.forward(
        *parts_.cat, in.x_BCHW);  // (1)-(3) P5 P4 P3 (4) P_r5 (5)-(7) P_r4 P_r3 (8)-(11)
    const LossSum loss = loss_(out, in.y_BL);  // (12), summed over valid labels
    sums.forward_seconds += clock.lap() - waited - copied;
    trace_->lap("forward");
    loss.sum.backward(faults_.seed(scaler_.seed(), t + 1));  // a full bucket starts its all-reduce
    sums.add(loss, host);
    heads_with_loss = loss.heads.size();
    sums.backward_seconds += clock.lap();
    trace_->lap("backward");
  }
  reducer_.finish();  // every gradient is now the sum over all ranks
  sums.add(reducer_.last_exchange());
  sums.add(reducer_.exchanged());
  sums.loss *= faults_.loss_factor(t + 1);
  sums.exchange_seconds = clock.lap();
  trace_->lap("wait for exchange");
  record_exchange(*trace_, reducer_.last_operations());
  sums.stop = wishes_to_stop(t + 1) ? 1 : 0;
  sums.wants_figures = wants_figures(t + 1) ? 1 : 0;
  const std::vector<FinishedOperation> between_steps = group_.host().take_finished();
  sums.before_sums_seconds = whole.seconds();
  const StepSums global =
      sums.over_all_ranks(group_);  // the same numbers, so the same decisions, everywhere
  const double after_sums_seconds = whole.seconds();
  if (!global.exchanged_alike(group_.world()))
    throw_different_exchanges(reducer_.exchanged(), group_, t + 1);
  trace_->lap("sums of all ranks");

  StepReport report = report_of(global, group_.world(), heads_with_loss);
  report.sums_seconds = clock.lap();
  note_ranks(global, after_sums_seconds, between_steps, report);
  report.step = t + 1;
  report.epoch = t / parts_.steps_per_epoch;
  report.loss_scale = scaler_.scale();
  report.applied = apply_gradients(t, global, report);
  if (!report.applied) {
    buffers_before_.restore();
    reducer_.forget_step();
  }
  if (faults_.any())
    faults_.after_step(t + 1, arena_.values(), optimizer_->state(), ema_.average(), parts_.buffers);
  scaler_.update(report.applied || report.spike);  // a spike is no overflow
  reducer_.rescale_next_step(scaler_.scale() / report.loss_scale);
  report.optimizer_seconds = clock.lap();
  report.exchanged_bytes = reducer_.exchanged_bytes();
  stop_ = global.stop > 0;
  figures_wanted_ = global.wants_figures > 0;
  report.step_seconds = whole.seconds();
  report.steady_seconds = steady_seconds();
  trace_->end_step();
  return report;
}

// What each rank did before they waited for each other, and the collectives of it all.
void Trainer::note_ranks(const StepSums& global, double after_sums_seconds,
                         const std::vector<FinishedOperation>& between_steps, StepReport& report) {
  report.slowest = own_work_.add(global.own_seconds_by_rank);
  data_waits_.add(global.data_wait_seconds_by_rank);
  // All ranks begin a step together and leave its sums together.
  report.sums_wait_seconds =
      std::max(0.0, after_sums_seconds - global.before_sums_seconds / group_.world());
  add_collectives(CollectiveOp::kGradient, reducer_.last_operations(), report.collectives);
  add_collectives(CollectiveOp::kSync, between_steps, report.collectives);
  add_collectives(CollectiveOp::kMetrics, group_.host().take_finished(), report.collectives);
  if (!group_.is_root()) return;
  report.data_wait_seconds_by_rank = data_waits_.means();
  report.compute_seconds_by_rank = own_work_.means();
  for (size_t rank = 0; rank < report.compute_seconds_by_rank.size(); ++rank)
    report.compute_seconds_by_rank[rank] -= report.data_wait_seconds_by_rank[rank];
}

bool Trainer::apply_gradients(int64_t t, const StepSums& global, StepReport& report) {
  const RunOptions& options = parts_.options;
  // sum / valid labels = mean over the GLOBAL batch
  const double mean = global.scale() * scaler_.unscale();
  report.gradient_norm = flat_norm(arena_.gradients()) * mean;
  report.learning_rate = options.learning_rate() * schedule_.factor(t);
  if (!std::isfinite(report.gradient_norm) || !std::isfinite(global.loss) ||
      !std::isfinite(report.learning_rate))
    return false;
  if (spikes_) spike_ = spikes_->judge(report.loss, report.gradient_norm);
  report.spike = spike_.has_value();
  if (report.spike) return false;
  trace_->lap("gradient norm");
  const double clip = norm_clip_factor(report.gradient_norm, options.clip.max_norm);
  if (adaptive_clip_) adaptive_clip_->clip(mean * clip);
  optimizer_->step(report.learning_rate, mean * clip);
  trace_->lap("optimizer");
  ema_.update();
  trace_->lap("average of weights");
  if (spikes_) spikes_->add(report.loss, report.gradient_norm);
  return true;
}

}  // namespace catamaran
