// One optimizer step on the global batch; every rank brings its part. Left what is done, right the
// data and the paper's equations. Everything a decision rests on is reduced over ranks first, so
// all ranks decide alike.
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
StepReport report_of(const StepSums& global, double world) {
  StepReport report;
  report.loss = global.mean_loss();
  report.images = static_cast<int64_t>(global.images);
  report.unreadable = static_cast<int64_t>(global.unreadable);
  report.undecodable = static_cast<int64_t>(global.undecodable);
  report.data_wait_seconds = global.data_wait_seconds / world;
  report.forward_seconds = global.forward_seconds / world;
  report.backward_seconds = global.backward_seconds / world;
  report.exchange_exposed_seconds = global.exchange_seconds / world;
  report.all_reduce_seconds = global.all_reduce_seconds / world;
  report.last_bucket_seconds = global.last_bucket_seconds / world;
  return report;
}

}  // namespace

StepReport Trainer::step(int64_t t) {
  const RunOptions& options = parts_.options;
  const int64_t parts = parts_.batch.parts;
  Stopwatch whole;
  Stopwatch clock;
  StepSums sums;
  trace_->begin_step(++steps_made_);
  buffers_before_.take();
  faults_.before_step(t + 1);
  reducer_.break_exchange(faults_.in_exchange(t + 1));
  for (int64_t part = 0; part < parts; ++part) {
    // pack, JPEG, augmentation: uint8 BHWC; on the device: x_BCHW, y_BL in {1, 0, -1}
    const auto [host, in, waited] = *feed_->next();
    sums.data_wait_seconds += waited;
    trace_->lap("data wait", waited);
    trace_->lap("to device");
    seed_dropout(options.seed, t, group_.rank() * parts + part);
    reducer_.begin_part(part == 0, part + 1 == parts);

    const CatOutput out = precision_.forward(
        *parts_.cat, in.x_BCHW);  // (1)-(3) P5 P4 P3 (4) P_r5 (5)-(7) P_r4 P_r3 (8)-(11)
    const LossSum loss = loss_(out, in.y_BL);  // (12), summed over valid labels
    sums.forward_seconds += clock.lap() - waited;
    trace_->lap("forward");
    loss.sum.backward(faults_.seed(scaler_.seed(), t + 1));  // a full bucket starts its all-reduce
    sums.add(loss, host);
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
  const StepSums global =
      sums.over_all_ranks(group_);  // the same numbers, so the same decisions, everywhere
  if (!global.exchanged_alike(group_.world()))
    throw_different_exchanges(reducer_.exchanged(), group_, t + 1);
  trace_->lap("sums of all ranks");

  StepReport report = report_of(global, group_.world());
  report.sums_seconds = clock.lap();
  report.slowest = own_work_.add(global.own_seconds_by_rank);
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
  report.step_seconds = whole.seconds();
  report.steady_seconds = steady_seconds();
  trace_->end_step();
  return report;
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
