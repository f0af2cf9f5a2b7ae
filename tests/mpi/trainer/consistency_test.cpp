// What keeps ranks equal: broadcasts, the hash that notices a single flipped bit.
#include "trainer/consistency.h"

#include <gtest/gtest.h>

#include "mpi_test_environment.h"
#include "support/error.h"

namespace catamaran {
namespace {

ProcessGroup& group() { return *test_group(); }

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
