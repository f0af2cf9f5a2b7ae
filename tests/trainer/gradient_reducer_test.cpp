#include "trainer/gradient_reducer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "comm/self_communicator.h"
#include "plain_layout.h"
#include "trainer/backward_order.h"
#include "trainer/flat_updates.h"

namespace catamaran {
namespace {

using testing::ElementsAre;

std::vector<torch::Tensor> some_parameters() {
  torch::manual_seed(3);
  return {torch::randn({4, 3, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(),
          torch::randn({4}).requires_grad_(), torch::randn({10, 4}).requires_grad_(),
          torch::randn({10}).requires_grad_(), torch::randn({}).requires_grad_()};
}

TEST(ParameterArena, KeepsValuesStridesAndTheTensorsThemselves) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  const std::vector<torch::Tensor> before = [&] {
    std::vector<torch::Tensor> copies;
    for (const torch::Tensor& p : parameters) copies.push_back(p.detach().clone());
    return copies;
  }();
  SelfCommunicator alone;
  const ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  for (size_t p = 0; p < parameters.size(); ++p) {
    EXPECT_TRUE(torch::equal(parameters[p], before[p]));
    EXPECT_EQ(parameters[p].strides(), before[p].strides());
    EXPECT_EQ(arena.gradient(p).strides(), before[p].strides());
    EXPECT_TRUE(parameters[p].requires_grad());
    EXPECT_TRUE(parameters[p].is_leaf());
  }
  const torch::NoGradGuard no_grad;
  torch::Tensor(arena.values()).fill_(7);
  EXPECT_EQ(parameters[2][3][1].item<float>(), 7);
}

TEST(ParameterArena, GivesStateTheShapesOfTheParameters) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  SelfCommunicator alone;
  const ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  const torch::Tensor momentum = arena.zeros();
  const std::vector<torch::Tensor> views = arena.views(momentum);
  for (size_t p = 0; p < parameters.size(); ++p) {
    EXPECT_EQ(views[p].sizes(), parameters[p].sizes());
    views[p].fill_(1);
  }
  int64_t values = 0;
  for (const torch::Tensor& p : parameters) values += p.numel();
  EXPECT_EQ(momentum.sum().item<float>(), static_cast<float>(values));  // none twice, gaps stay 0
}

TEST(GradientReducer, AddsPartsCountsWhatGotNoGradientAsZeroAndForgetsTheLastStep) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  SelfCommunicator alone;
  ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  EXPECT_GE(arena.layout().buckets.size(), 3U);
  GradientReducer reducer(arena, alone, ReducerOptions{}, torch::kCPU);
  for (int step = 0; step < 2; ++step) {
    for (int part = 0; part < 2; ++part) {
      reducer.begin_part(part == 0, part == 1);
      (parameters[0].sum() * 2 + parameters[2].sum() * 3 + parameters[4] * 4).backward();
    }
    reducer.finish();
    EXPECT_TRUE(torch::equal(arena.gradient(0), torch::full_like(parameters[0], 4)));
    EXPECT_TRUE(torch::equal(arena.gradient(2), torch::full_like(parameters[2], 6)));
    EXPECT_EQ(arena.gradient(4).item<float>(), 8);
    EXPECT_TRUE(torch::equal(arena.gradient(1), torch::zeros_like(parameters[1])));
    EXPECT_FALSE(parameters[0].grad().defined());
  }
  EXPECT_NEAR(flat_norm(arena.gradients()), std::sqrt(16.0 * 108 + 36.0 * 40 + 64), 1e-3);
}

// Started all-reduces, in order, of a communicator that does nothing.
class Listening : public SelfCommunicator {
 public:
  void start_all_reduce(void* data, int64_t count, DataType, ReduceOp, void*) override {
    started.emplace_back(static_cast<float*>(data), count);
  }
  std::vector<std::pair<float*, int64_t>> started;
};

TEST(GradientReducer, StartsABucketWhenItsLastGradientIsThereAndOnlyInTheLastPart) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  Listening listening;
  ParameterArena arena(parameters, plain_layout(parameters), listening, torch::kCPU);
  GradientReducer reducer(arena, listening, ReducerOptions{}, torch::kCPU);
  const auto used = [&](size_t p) { return (parameters[p] * 2).sum(); };
  reducer.begin_part(true, false);
  (used(0) + used(1) + used(2) + used(3) + used(4)).backward();
  EXPECT_TRUE(listening.started.empty());
  reducer.begin_part(false, true);
  const std::vector<ArenaBucket>& buckets = arena.layout().buckets;
  for (const size_t p : buckets[1].parameters) used(p).backward();
  EXPECT_TRUE(listening.started.empty());  // full, but the one before it is not
  for (const size_t p : buckets[0].parameters) used(p).backward();
  ASSERT_EQ(listening.started.size(), 2U);
  EXPECT_EQ(listening.started[0].first, arena.gradients().data_ptr<float>());
  EXPECT_EQ(listening.started[1].second, buckets[1].range.elements());
  reducer.finish();
  EXPECT_EQ(listening.started.size(), buckets.size());
}

TEST(GradientReducer, DoesNotWaitForWhatNeverGetsAGradient) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  Listening listening;
  ParameterArena arena(
      parameters, plain_layout(parameters, {.first = 16, .middle = 75, .last = 16}, /*unused=*/1),
      listening, torch::kCPU);
  GradientReducer reducer(arena, listening, ReducerOptions{}, torch::kCPU);
  const std::vector<ArenaBucket>& buckets = arena.layout().buckets;
  const size_t unused = buckets.back().parameters.at(0);
  for (int step = 0; step < 2; ++step) {
    listening.started.clear();
    reducer.begin_part(true, true);
    torch::Tensor sum = torch::zeros({});
    for (size_t p = 0; p < parameters.size(); ++p) {
      if (p != unused || step == 1) sum = sum + parameters[p].sum();  // it may come after all
    }
    sum.backward();
    EXPECT_EQ(listening.started.size(), buckets.size() - 1);
    reducer.finish();
    EXPECT_EQ(listening.started.size(), buckets.size());
    EXPECT_TRUE(torch::equal(arena.gradient(unused),
                             torch::full_like(parameters[unused], static_cast<float>(step))));
  }
}

// What tests of several ranks break on one of them.
TEST(GradientReducer, LeavesOutSwapsOrCutsABucketWhereItIsAskedToAndTellsWhatItDid) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  const auto started = [&](ExchangeFault fault) {
    Listening listening;
    ParameterArena arena(parameters, plain_layout(parameters), listening, torch::kCPU);
    GradientReducer reducer(arena, listening, ReducerOptions{}, torch::kCPU);
    reducer.break_exchange(fault);
    reducer.begin_part(true, true);
    reducer.finish();
    EXPECT_EQ(reducer.exchanged().size(), listening.started.size());
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (const ArenaRange& range : reducer.exchanged()) ranges.emplace_back(range.begin, range.end);
    return ranges;
  };
  const auto whole = started(ExchangeFault::kNone);
  ASSERT_GE(whole.size(), 3U);
  EXPECT_EQ(started(ExchangeFault::kSkip),
            (std::vector<std::pair<int64_t, int64_t>>(whole.begin() + 1, whole.end())));
  auto other = whole;
  std::swap(other[0], other[1]);
  EXPECT_EQ(started(ExchangeFault::kSwap), other);
  other = whole;
  --other[0].second;
  EXPECT_EQ(started(ExchangeFault::kCut), other);
}

TEST(BackwardOrder, IsThatOfTheGraphWithTheUnusedLast) {
  torch::Tensor a = torch::ones({2}).requires_grad_();
  torch::Tensor b = torch::ones({2}).requires_grad_();
  torch::Tensor c = torch::ones({2}).requires_grad_();
  const BackwardOrder order =
      record_backward({a, b, c}, [&] { ((c * 2).relu() * a).sum().backward(); });
  EXPECT_THAT(order.order, ElementsAre(0, 2, 1));
  EXPECT_EQ(order.unused, 1U);
  EXPECT_FALSE(a.grad().defined());
  (a * 3).sum().backward();  // no hook is left
  EXPECT_TRUE(a.grad().defined());
}

}  // namespace
}  // namespace catamaran
