// What keeps ranks equal: reduced gradients, broadcasts, the hash that notices a single flipped
// bit.
#include "trainer/consistency.h"

#include <gtest/gtest.h>

#include "mpi_test_environment.h"
#include "support/error.h"
#include "trainer/gradient_reducer.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }

TEST(GradientReducer, SumsOverRanksWhileBackwardRunsAndAlikeOnEveryRank) {
  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(8, 16), torch::nn::Linear(16, 4));
  const ReducerOptions options{.first_bucket_bytes = 100, .bucket_bytes = 400};
  GradientReducer reducer(net->parameters(), group().gradients(), options, torch::kCPU);
  const torch::Tensor x = torch::arange(8.0).reshape({1, 8}) * (group().rank() + 1);
  for (int step = 0; step < 3; ++step) {
    reducer.begin_part(true, true);
    net->forward(x).sum().backward();
    reducer.finish();
  }
  // d sum / d bias of the last layer is 1 on each rank.
  EXPECT_TRUE(
      torch::equal(reducer.gradients().back(),
                   torch::full({4}, static_cast<double>(group().world()), torch::kFloat32)));
  NamedTensors reduced;
  for (const torch::Tensor& gradient : reducer.gradients())
    reduced.emplace_back("gradient", gradient);
  require_same_parameters(reduced, group(), 1);
}

TEST(Consistency, NoticesOneFlippedBitAndNamesTensorAndRank) {
  torch::manual_seed(2);
  NamedTensors tensors = {{"first", torch::randn({50})}, {"second", torch::randn({50})}};
  broadcast_state(tensors, group(), torch::kCPU);
  require_same_parameters(tensors, group(), 1);
  if (group().world() == 1) return;
  const int guilty = group().world() - 1;
  if (group().rank() == guilty)
    reinterpret_cast<uint32_t*>(tensors[1].second.data_ptr<float>())[17] ^= 1u;
  try {
    require_same_parameters(tensors, group(), 7);
    FAIL();
  } catch (const NumericsError& problem) {
    const std::string text = problem.what();
    EXPECT_NE(text.find("'second'"), std::string::npos) << text;
    EXPECT_NE(text.find("rank " + std::to_string(guilty)), std::string::npos) << text;
    EXPECT_NE(text.find("step 7"), std::string::npos) << text;
  }
}

TEST(Consistency, AveragesStatisticsAndTakesCountersFromRankZero) {
  NamedTensors buffers = {
      {"mean", torch::full({3}, static_cast<double>(group().rank()), torch::kFloat32)},
      {"count", torch::tensor(group().rank() + 5, torch::kInt64)}};
  average_buffers(buffers, group(), torch::kCPU);
  EXPECT_FLOAT_EQ(buffers[0].second[1].item<float>(), static_cast<float>(group().world() - 1) / 2);
  EXPECT_EQ(buffers[1].second.item<int64_t>(), 5);
}

}  // namespace
}  // namespace catamaran
