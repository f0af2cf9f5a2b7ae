// Gradients summed over ranks: the same numbers and the same bits everywhere, plain or in two
// bytes.
#include "trainer/gradient_reducer.h"

#include <gtest/gtest.h>

#include "mpi_test_environment.h"
#include "plain_layout.h"
#include "trainer/backward_order.h"
#include "trainer/consistency.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }

torch::nn::Sequential small_net() {
  torch::manual_seed(1);
  return torch::nn::Sequential(torch::nn::Linear(8, 16), torch::nn::Linear(16, 4));
}

struct Reduced {
  explicit Reduced(const ReducerOptions& options)
      : arena(net->parameters(), plain_layout(net->parameters(), {25, 100, 25}),
              group().gradients(), torch::kCPU),
        reducer(arena, group().gradients(), options, torch::kCPU) {}

  void step(const torch::Tensor& x) {
    reducer.begin_part(true, true);
    net->forward(x).sum().backward();
    reducer.finish();
  }

  torch::nn::Sequential net = small_net();
  ParameterArena arena;
  GradientReducer reducer;
};

TEST(GradientReducer, SumsOverRanksWhileBackwardRunsAndAlikeOnEveryRank) {
  Reduced reduced({});
  const torch::Tensor x = torch::arange(8.0).reshape({1, 8}) * (group().rank() + 1);
  for (int step = 0; step < 3; ++step) reduced.step(x);
  // d sum / d bias of the last layer is 1 on each rank.
  EXPECT_TRUE(
      torch::equal(reduced.arena.gradient(3),
                   torch::full({4}, static_cast<double>(group().world()), torch::kFloat32)));
  require_same_parameters({{"gradients", reduced.arena.gradients()}}, group(), 1);
  EXPECT_EQ(reduced.reducer.exchanged_bytes() > 0, group().world() > 1);
}

TEST(GradientReducer, MeasuresTheExchange) {
  Reduced reduced({});
  for (int step = 0; step < 3; ++step) reduced.step(torch::ones({1, 8}));
  const ExchangeTimes& times = reduced.reducer.last_exchange();
  EXPECT_EQ(times.seconds > 0, group().world() > 1);
  EXPECT_GE(times.seconds, times.exposed_seconds);
  EXPECT_GE(times.exposed_seconds, times.last_bucket_seconds);
}

// Over steps nothing is lost: the sum of what arrived is that of the exact gradients, to one
// rounding; without feedback the same rounding error would add up.
TEST(GradientReducer, CompressesWithErrorFeedback) {
  for (const char* type : {"bf16", "fp16"}) {
    Reduced exact({});
    Reduced compressed({.compression = type});
    constexpr int kSteps = 64;
    torch::Tensor sum_exact = exact.arena.zeros();
    torch::Tensor sum_compressed = compressed.arena.zeros();
    const torch::Tensor x = torch::linspace(0.301, 1.503, 8).reshape({1, 8}) * (group().rank() + 1);
    double largest = 0;
    for (int step = 0; step < kSteps; ++step) {
      exact.step(x);
      compressed.step(x);
      sum_exact += exact.arena.gradients();
      sum_compressed += compressed.arena.gradients();
      largest = exact.arena.gradients().abs().max().item<double>();
    }
    const double bit = std::string(type) == "bf16" ? 1.0 / 256 : 1.0 / 2048;
    const double worst = (sum_exact - sum_compressed).abs().max().item<double>();
    // what is kept at the end on each rank, and the rounding of each step's sum, which is not fed
    // back: half a unit in the last place each
    EXPECT_LE(worst, largest * bit * (group().world() + kSteps)) << type;
    if (group().world() == 1) {
      EXPECT_EQ(worst, 0) << type;
    }
    if (group().world() > 1) {
      EXPECT_EQ(compressed.reducer.exchanged_bytes() * 2, exact.reducer.exchanged_bytes());
    }
    require_same_parameters({{"gradients", compressed.arena.gradients()}}, group(), 1);
  }
}

TEST(GradientReducer, AStepThatIsForgottenLeavesNothingBehind) {
  Reduced once({.compression = "bf16"});
  Reduced twice({.compression = "bf16"});
  const torch::Tensor x = torch::ones({1, 8}) * 1.001;
  twice.step(x * std::numeric_limits<float>::infinity());
  twice.reducer.forget_step();
  once.step(x);
  twice.step(x);
  EXPECT_TRUE(torch::equal(once.arena.gradients(), twice.arena.gradients()));
}

TEST(BackwardOrder, IsRankZerosEverywhere) {
  const size_t rank = static_cast<size_t>(group().rank());
  const BackwardOrder mine{.order = {rank, rank + 1, rank + 2}, .unused = rank};
  const BackwardOrder agreed = agree_on(mine, group());
  EXPECT_EQ(agreed.order, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(agreed.unused, 0U);
}

}  // namespace
}  // namespace catamaran
