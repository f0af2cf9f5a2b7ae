// One thread's optimizer steps on the parameters of CAT-ResNeXt50, and beside each step a loop that
// moves the same memory: what bench/optimizer.py runs.
//
//   bench_optimizer shapes           [[512, 256, 1, 1], ...]: the parameters, for the peers
//   bench_optimizer adamw 9          {"seconds": [...], "limit_seconds": [...], "moved": ...}
//   bench_optimizer adamw_aten 9     ATen's fused kernel over the same flat memories instead
//
// Seconds are the thread's own on the processor, so what else the machine does disturbs less.
// "moved" is the sum of |change| of all weights in the first step, for a comparison with the
// peer's.
#include "trainer/optimizer.h"

#include <ATen/Parallel.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "comm/self_communicator.h"
#include "memory_limit.h"
#include "model/cat.h"
#include "trainer/device_updates.h"
#include "trainer/grouped_arena.h"
#include "trainer/trainer_parts.h"

namespace catamaran {
namespace {

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

NamedTensors cat_parameters() {
  CatOptions options;
  options.backbone.name = "resnext50_32x4d";
  const Cat cat(options, 80);
  NamedTensors parameters;
  for (const auto& item : cat->named_parameters())
    parameters.emplace_back(item.key(), item.value());
  return parameters;
}

// The same numbers as in bench/optimizer.py.
torch::Tensor ramp(const torch::Tensor& like, double from, double to) {
  return torch::linspace(from, to, like.numel()).reshape(like.sizes());
}

std::unique_ptr<ParameterArena> make_arena(const OptimizerOptions& options,
                                           const NamedTensors& parameters, Communicator& alone) {
  const std::vector<torch::Tensor> tensors = tensors_of(parameters);
  const ArenaContents contents = contents_of(tensors, group_numbers(options, parameters));
  const BucketSizes sizes{.first = 1 << 18, .middle = 6 << 20, .last = 1 << 18};
  auto arena = std::make_unique<ParameterArena>(tensors, lay_out(contents, sizes), alone,
                                                torch::Device(torch::kCPU));
  const torch::NoGradGuard no_grad;
  for (size_t p = 0; p < tensors.size(); ++p) {
    tensors[p].copy_(ramp(tensors[p], -0.05, 0.06));
    torch::Tensor(arena->gradient(p)).copy_(ramp(tensors[p], 0.02, -0.01));
  }
  return arena;
}

OptimizerOptions options_of(const std::string& name) {
  OptimizerOptions options;
  options.name = name == "sgd_nesterov" ? "sgd" : name;
  options.backbone_ratio = 1;
  options.head_ratio = 1;
  options.weight_decay = 0.01;
  options.momentum = 0.9;
  options.nesterov = name == "sgd_nesterov";
  options.epsilon = 1e-8;
  options.trust_coefficient = 1e-3;
  return options;
}

// The least that must move: over segments in one pass, or over each tensor twice, as the optimizer
// goes.
class Limit {
 public:
  Limit(const std::string& name, const GroupedArena& places)
      : name_(name), places_(places), memories_(places.memories(places.zeros(), places.zeros())) {}

  void pass() {
    for (const ArenaGroup& group : places_.groups()) {
      const bool twice = (name_ == "lars" || name_ == "lamb") && group.kind.weight_decay != 0;
      for (const ArenaRange& range : twice ? group.slots : group.segments) move(range, twice);
    }
  }

 private:
  static float* at(const torch::Tensor& flat, const ArenaRange& range) {
    return flat.data_ptr<float>() + range.begin;
  }

  void move(const ArenaRange& range, bool twice) {
    float* const weight = at(memories_.weights, range);
    float* const gradient = at(memories_.gradients, range);
    float* const first = at(memories_.first, range);
    float* const second = at(memories_.second, range);
    const int64_t count = range.elements();
    if (name_ == "sgd_nesterov" || name_ == "lars") {
      if (twice) sum_ += read_two(weight, gradient, count);
      change_two(gradient, weight, first, count);
    } else if (!twice) {
      change_three(gradient, weight, first, second, count);
    } else {
      change_three(weight, gradient, first, second, count);
      change_one(gradient, weight, count);
    }
  }

  std::string name_;
  const GroupedArena& places_;
  FlatMemories memories_;
  float sum_ = 0;
};

const std::set<std::string> kCases = {"adamw", "sgd_nesterov", "lars",       "lamb",
                                      "norm",  "average",      "adamw_aten", "sgd_nesterov_aten"};

struct Measured {
  std::vector<double> seconds;
  std::vector<double> limit_seconds;
  double moved = 0;
};

// What ATen's kernels do on a GPU, here on the host.
void aten_step(const std::string& name, const GroupedArena& places, const FlatMemories& memories) {
  for (const ArenaGroup& group : places.groups()) {
    if (name == "adamw") {
      device_updates::adamw(memories, group.segments,
                            {.rate = 0.001, .decay = group.kind.weight_decay, .t = 2});
    } else {
      device_updates::sgd(
          memories, group.segments,
          {.rate = 0.001, .decay = group.kind.weight_decay, .momentum = 0.9, .nesterov = true});
    }
  }
}

// One of each that is not counted, then in turn.
Measured in_turn(int repeats, const std::function<void()>& step,
                 const std::function<void()>& limit) {
  Measured measured;
  for (int i = 0; i <= repeats; ++i) {
    const double start = thread_seconds();
    step();
    const double between = thread_seconds();
    limit();
    const double end = thread_seconds();
    if (i == 0) continue;
    measured.seconds.push_back(between - start);
    measured.limit_seconds.push_back(end - between);
  }
  return measured;
}

Measured run(std::string name, int repeats) {
  SelfCommunicator alone;
  const bool aten = name.ends_with("_aten");
  if (aten) name.resize(name.size() - std::string_view("_aten").size());
  const NamedTensors parameters = cat_parameters();
  const OptimizerOptions options = options_of(name);
  const std::unique_ptr<ParameterArena> arena = make_arena(options, parameters, alone);
  if (name == "norm") {
    double norm = 0;
    volatile float sum = 0;
    Measured measured = in_turn(
        repeats, [&] { norm = flat_norm(arena->gradients()); },
        [&] { sum = read_one(arena->gradients().data_ptr<float>(), arena->gradients().numel()); });
    measured.moved = norm;
    return measured;
  }
  if (name == "average") {
    const torch::Tensor average = arena->zeros();
    return in_turn(
        repeats, [&] { average_update(0.001, arena->values(), average); },
        [&] {
          change_one(arena->values().data_ptr<float>(), average.data_ptr<float>(), average.numel());
        });
  }
  const torch::Tensor before = arena->values().clone();
  const std::unique_ptr<Optimizer> optimizer = make_optimizer(options, parameters, *arena);
  optimizer->step(0.001, 1);
  const double moved = (arena->values().to(torch::kFloat64) - before).abs().sum().item<double>();
  const GroupedArena places(options, parameters, *arena);
  Limit limit(name, places);
  const FlatMemories state = places.memories(places.zeros(), places.zeros());
  Measured measured = in_turn(
      repeats,
      [&] {
        if (aten) return aten_step(name, places, state);
        optimizer->step(0.001, 0.5);
      },
      [&] { limit.pass(); });
  measured.moved = moved;
  return measured;
}

int run_program(int argc, char** argv) {
  at::set_num_threads(1);
  const std::string name = argc > 1 ? argv[1] : "";
  nlohmann::json out;
  if (argc == 2 && name == "shapes") {
    for (const auto& [parameter, tensor] : cat_parameters()) out.push_back(tensor.sizes().vec());
  } else if (argc == 3 && kCases.contains(name)) {
    const Measured measured = run(name, std::atoi(argv[2]));
    out = {{"seconds", measured.seconds},
           {"limit_seconds", measured.limit_seconds},
           {"moved", measured.moved}};
  } else {
    std::fputs(
        "usage: bench_optimizer shapes\n"
        "       bench_optimizer adamw|sgd_nesterov|lars|lamb|norm|average REPEATS\n"
        "       bench_optimizer adamw_aten|sgd_nesterov_aten REPEATS\n",
        stderr);
    return 2;
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace catamaran

int main(int argc, char** argv) { return catamaran::run_program(argc, argv); }
