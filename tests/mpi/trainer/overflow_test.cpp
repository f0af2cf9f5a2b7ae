// An fp16 overflow on one rank is an overflow on all: the same norm, the same decision, the same
// scale afterwards, and weights that stay as they were.
#include <gtest/gtest.h>

#include <cmath>

#include "model/autocast.h"
#include "mpi_test_environment.h"
#include "plain_layout.h"
#include "trainer/consistency.h"
#include "trainer/flat_updates.h"
#include "trainer/gradient_reducer.h"
#include "trainer/loss_scaler.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }

struct Step {
  double norm = 0;
  bool applied = false;
};

// What Trainer::step does with a step's gradients.
class SmallTrainer {
 public:
  explicit SmallTrainer(double loss_scale)
      : scaler({.compute = "fp16", .loss_scale = loss_scale}, 8, torch::kCPU) {}

  Step step(const torch::Tensor& x) {
    reducer.begin_part(true, true);
    torch::Tensor y;
    {
      const Autocast half(torch::kCPU, torch::kFloat16);
      y = net->forward(x);
    }
    y.to(torch::kFloat32).sum().backward(scaler.seed());
    reducer.finish();
    Step done;
    done.norm = flat_norm(arena.gradients()) * scaler.unscale();
    done.applied = std::isfinite(done.norm);
    if (done.applied) {
      for (size_t p = 0; p < parameters.size(); ++p)
        parameters[p].second.data().sub_(arena.gradient(p), 0.01 * scaler.unscale());
    }
    scaler.update(done.applied);
    return done;
  }

  torch::nn::Sequential net = [] {
    torch::manual_seed(1);
    return torch::nn::Sequential(torch::nn::Linear(8, 16), torch::nn::ReLU(),
                                 torch::nn::Linear(16, 4));
  }();
  NamedTensors parameters = [this] {
    NamedTensors named;
    for (const auto& item : net->named_parameters()) named.emplace_back(item.key(), item.value());
    return named;
  }();
  ParameterArena arena{net->parameters(), plain_layout(net->parameters()), group().gradients(),
                       torch::kCPU};
  GradientReducer reducer{arena, group().gradients(), ReducerOptions{}, torch::kCPU};
  LossScaler scaler;
};

TEST(Overflow, OnOneRankSkipsTheStepOnAllHalvesTheScaleAndLeavesTheWeights) {
  SmallTrainer trainer(1024);
  const std::vector<torch::Tensor> before = [&] {
    std::vector<torch::Tensor> copies;
    for (const auto& [name, value] : trainer.parameters) copies.push_back(value.detach().clone());
    return copies;
  }();
  const bool guilty = group().rank() == group().world() - 1;
  const torch::Tensor calm = torch::ones({2, 8});
  const Step first = trainer.step(guilty ? calm * 6e4 : calm);
  EXPECT_FALSE(first.applied);
  EXPECT_EQ(trainer.scaler.scale(), 512);
  for (size_t p = 0; p < before.size(); ++p)
    EXPECT_TRUE(torch::equal(before[p], trainer.parameters[p].second));

  const Step second = trainer.step(calm);
  EXPECT_TRUE(second.applied);
  EXPECT_EQ(trainer.scaler.scale(), 512);
  EXPECT_FALSE(torch::equal(before[0], trainer.parameters[0].second));
  require_same_parameters(trainer.parameters, group(), 2);
}

}  // namespace
}  // namespace catamaran
