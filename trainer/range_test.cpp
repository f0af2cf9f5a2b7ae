#include <cmath>
#include <memory>
#include <vector>

#include "support/progress.h"
#include "support/text.h"
#include "trainer/api.h"
#include "trainer/builder.h"
#include "trainer/packs.h"
#include "trainer/range_test_api.h"
#include "trainer/trainer.h"

namespace catamaran {
namespace {

// The run as it would train, with a rate that rises from step to step and nothing beside the steps.
RunOptions options_of_test(const RangeTestRequest& request) {
  RunOptions options = request.options;
  options.data.eval.clear();
  options.data.stage.clear();  // packs are read where they are: it takes a moment
  options.optimizer.scaling = "none";
  options.optimizer.base_batch = 0;
  options.optimizer.learning_rate = request.from;
  options.ema.decay = 0;
  options.evaluate.every_epochs = 0;
  options.checkpoint.every_epochs = 0;
  options.checkpoint.every_steps = 0;
  options.numerics.consistency_every_steps = 0;
  options.numerics.on_spike = "none";  // a rate that is too high is to be seen
  options.log.samples = false;
  options.monitoring.enabled = false;
  // One step more than rates: what a rate did to the loss is seen in the next step.
  const auto rates = static_cast<double>(request.steps);
  options.schedule = {.name = "range", .epochs = 1, .max_steps = request.steps + 1};
  options.schedule.range_ratio = std::pow(request.to / request.from, rates / (rates - 1));
  return options;
}

class Recorder {
 public:
  Recorder(const RangeTestRequest& request, int64_t bad_steps_allowed, bool shows_progress)
      : bad_steps_allowed_(bad_steps_allowed),
        progress_("range test", request.steps + 1, "steps", shows_progress) {}

  // Of every step; false: enough.
  bool go_on(const StepReport& report) {
    progress_.set(report.step,
                  text("loss %.4f, learning rate %.2e", report.loss, report.learning_rate));
    if (!report.applied) {  // fp16's loss scale finds its size
      before_ = 0;
      if (++bad_steps_ <= bad_steps_allowed_) return true;
      end = RangeEnd::kNotFinite;
      return false;
    }
    bad_steps_ = 0;
    if (watch_.diverged(report.loss)) {
      end = RangeEnd::kLossRanAway;
      return false;
    }
    if (before_ > 0) {
      rates.push_back(before_);
      losses.push_back(report.loss);
    }
    before_ = report.learning_rate;
    return true;
  }

  std::vector<double> rates;
  std::vector<double> losses;
  RangeEnd end = RangeEnd::kHighestRate;

 private:
  int64_t bad_steps_allowed_;
  int64_t bad_steps_ = 0;
  double before_ = 0;  // the rate of the step before, which this step's loss tells about
  DivergenceWatch watch_;
  Progress progress_;
};

}  // namespace

RateSearch range_test(const RangeTestRequest& request, ProcessGroup& group) {
  TrainRequest run;
  run.options = options_of_test(request);
  run.resume = "never";
  run.resolved_config = request.resolved_config + text("# %.17g to %.17g in %ld steps\n",
                                                       request.from, request.to, request.steps);
  const RunPacks packs = open_packs(run.options, group);
  // Batches larger than the pack are refused with the rest of the start.
  const int64_t steps_per_epoch =
      std::max<int64_t>(1, packs.train->images() / run.options.batch.global);
  run.options.schedule.epochs = request.steps / steps_per_epoch + 1;
  const int64_t bad_steps_allowed =
      run.options.loss_is_scaled() ? run.options.numerics.max_consecutive_skips : 0;
  Recorder recorder(request, bad_steps_allowed, group.is_root());
  build_trainer(run, packs, group)->explore([&](const StepReport& report) {
    return recorder.go_on(report);
  });
  return search_rates(recorder.rates, recorder.losses, request.steps, recorder.end);
}

}  // namespace catamaran
