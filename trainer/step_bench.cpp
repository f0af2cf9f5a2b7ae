#include "trainer/step_bench.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "comm/self_communicator.h"
#include "model/cat.h"
#include "model/losses.h"
#include "support/clock.h"
#include "support/philox.h"
#include "trainer/bucket_sizes.h"
#include "trainer/device.h"
#include "trainer/device_batch.h"
#include "trainer/ema.h"
#include "trainer/flat_updates.h"
#include "trainer/gradient_hooks.h"
#include "trainer/optimizer.h"
#include "trainer/parameter_arena.h"
#include "trainer/parameter_groups.h"
#include "trainer/precision.h"
#include "trainer/trainer_parts.h"

namespace catamaran {
namespace {

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Standard deviation / mean, as a normal distribution with this median deviation has it: a step
// that the system interrupted does not count for more than it is.
double robust_spread(const std::vector<double>& values) {
  const double middle = median_of(values);
  std::vector<double> deviations;
  for (const double value : values) deviations.push_back(std::abs(value - middle));
  return middle > 0 ? 1.4826 * median_of(deviations) / middle : 0;
}

// The time since backward began at which a parameter's gradient was moved to its flat memory.
class ReadyTimes {
 public:
  ReadyTimes(const ParameterArena& arena, const torch::Device& device)
      : arena_(arena),
        device_(device),
        times_(arena.parameters().size()),
        hooks_(arena.parameters(),
               [this](size_t p, const torch::Tensor& made) { ready(p, made); }) {}

  void begin(bool wait_at_each) {
    wait_at_each_ = wait_at_each;
    clock_ = Stopwatch();
  }
  void keep() {
    for (size_t p = 0; p < times_.size(); ++p) times_[p].push_back(newest_[p]);
  }
  double median_of_parameter(size_t p) const { return median_of(times_[p]); }

 private:
  void ready(size_t p, const torch::Tensor& made) {
    const std::lock_guard lock(mutex_);
    arena_.gradient(p).copy_(made);
    if (wait_at_each_) synchronize(device_);
    newest_[p] = clock_.seconds();
  }

  const ParameterArena& arena_;
  torch::Device device_;
  std::vector<std::vector<double>> times_;  // per parameter, of each step kept
  std::vector<double> newest_ = std::vector<double>(times_.size());
  Stopwatch clock_;
  bool wait_at_each_ = false;
  std::mutex mutex_;
  GradientHooks hooks_;  // last: they use all the others
};

Batch random_batch(const RunOptions& options, int64_t labels, const torch::Device& device) {
  PhiloxStream random(options.seed, Purpose::kDropout, 0, 0);
  const int64_t side = options.model.input.size;
  const int64_t bytes = options.batch.per_device * side * side * 3;
  Batch batch;
  batch.images = options.batch.per_device;
  batch.height = batch.width = side;
  batch.classes = labels;
  batch.pixels = host_allocator_for(device)(bytes);
  for (int64_t i = 0; i < bytes; ++i)
    batch.pixels.get()[i] = static_cast<uint8_t>(random.next() & 255U);
  batch.labels.resize(static_cast<size_t>(batch.images * labels));
  for (int8_t& label : batch.labels) label = random.next() % 8 == 0 ? 1 : -1;
  batch.indices.assign(static_cast<size_t>(batch.images), 0);
  return batch;
}

NamedTensors trained_parameters(CatImpl& cat) {
  NamedTensors trained;
  for (const auto& item : cat.named_parameters()) {
    if (item.value().requires_grad()) trained.emplace_back(item.key(), item.value());
  }
  return trained;
}

// As a run lays them out, but for the order of buckets, which costs one device nothing.
ArenaLayout layout_of(const RunOptions& options, const NamedTensors& parameters) {
  return lay_out(contents_of(tensors_of(parameters), group_numbers(options.optimizer, parameters)),
                 bucket_sizes(options.reducer));
}

// The model and all that a step needs, and the seconds of each step.
class BenchedStep {
 public:
  BenchedStep(const RunOptions& options, int64_t labels, const torch::Device& device)
      : options_(options),
        device_(device),
        cat_(make_cat(options, labels, device)),
        parameters_(trained_parameters(*cat_)),
        arena_(tensors_of(parameters_), layout_of(options, parameters_), alone_, device),
        times_(arena_, device),
        precision_(options.precision.compute, device),
        loss_(options.loss, {}, device),
        ema_(*cat_, options.ema, options.batch.global, &arena_),
        optimizer_(make_optimizer(options.optimizer, parameters_, arena_)),
        host_(random_batch(options, labels, device)) {}

  void step(bool keep, bool wait_at_each) {
    synchronize(device_);
    Stopwatch clock;
    const DeviceBatch in = to_device(host_, options_.model.input, LabelRules{}, device_);
    const CatOutput out = precision_.forward(*cat_, in.x_BCHW);
    const LossSum loss = loss_(out, in.y_BL);
    synchronize(device_);
    const double forward = clock.lap();
    times_.begin(wait_at_each);
    loss.sum.backward();
    synchronize(device_);
    const double backward = clock.lap();
    const double norm = flat_norm(arena_.gradients());
    // the time of a step, and weights that stay where they are
    optimizer_->step(1e-12, std::isfinite(norm) ? 1e-9 : 0);
    ema_.update();
    synchronize(device_);
    if (!keep) return;
    if (wait_at_each || !device_.is_cuda()) times_.keep();
    forward_.push_back(forward);
    backward_.push_back(backward);
    update_.push_back(clock.lap());
  }
  void forget_phases() {
    forward_.clear();
    backward_.clear();
    update_.clear();
  }

  StepBench result() const {
    StepBench bench;
    std::vector<double> compute;
    for (size_t s = 0; s < forward_.size(); ++s) {
      compute.push_back(forward_[s] + backward_[s]);
      bench.step_seconds.push_back(compute.back() + update_[s]);
    }
    bench.step.images = host_.images;
    bench.step.forward_seconds = median_of(forward_);
    bench.step.backward_seconds = median_of(backward_);
    bench.step.optimizer_seconds = median_of(update_);
    bench.step.spread = robust_spread(compute);
    return bench;
  }

  // waited: the median of backward in the steps that gave the gradients' times, where they were
  // others.
  void add_gradients(StepBench& bench, double waited_backward) const {
    std::vector<size_t> order(parameters_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [this](size_t p) { return times_.median_of_parameter(p); });
    const double factor = waited_backward > 0 ? bench.step.backward_seconds / waited_backward : 1.0;
    for (const size_t p : order) {
      const auto& [name, parameter] = parameters_[p];
      const double seconds = factor * times_.median_of_parameter(p);
      bench.gradient_names.push_back(name);
      bench.step.gradients.push_back(
          {.bytes = parameter.numel() * static_cast<int64_t>(sizeof(float)),
           .seconds = std::min(seconds, bench.step.backward_seconds)});
      bench.parameters += parameter.numel();
    }
  }
  double median_backward() const { return median_of(backward_); }

 private:
  static Cat make_cat(const RunOptions& options, int64_t labels, const torch::Device& device) {
    Cat cat(options.model, labels);
    initialise(*cat, options.seed);
    cat->to(device);
    cat->train();
    return cat;
  }

  const RunOptions& options_;
  torch::Device device_;
  Cat cat_;
  NamedTensors parameters_;
  SelfCommunicator alone_;
  ParameterArena arena_;
  ReadyTimes times_;
  Precision precision_;
  Loss loss_;
  Ema ema_;
  std::unique_ptr<Optimizer> optimizer_;
  Batch host_;
  std::vector<double> forward_, backward_, update_;
};

}  // namespace

StepBench bench_step(const RunOptions& options, const StepBenchOptions& bench,
                     const ProcessGroup& group) {
  const torch::Device device = bind_device(group);
  torch::manual_seed(options.seed);
  BenchedStep benched(options, bench.labels, device);
  for (int64_t s = 0; s < bench.warm_up; ++s) benched.step(false, false);
  double waited = 0;
  if (device.is_cuda()) {
    for (int64_t s = 0; s < bench.steps; ++s) benched.step(true, true);
    waited = benched.median_backward();
    benched.forget_phases();
  }
  for (int64_t s = 0; s < bench.steps; ++s) benched.step(true, false);
  StepBench result = benched.result();
  benched.add_gradients(result, waited);
  result.device = device.is_cuda() ? "cuda" : "cpu";
  result.threads = group.threads();
  return result;
}

}  // namespace catamaran
