#include "trainer/buffer_snapshot.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

TEST(BufferSnapshot, ASkippedStepLeavesTheStatisticsOfBatchNormAsTheyWere) {
  torch::nn::BatchNorm2d norm(3);
  std::vector<torch::Tensor> buffers = norm->buffers();
  BufferSnapshot before(buffers);
  norm->forward(torch::randn({4, 3, 5, 5}));  // a step that was applied
  const torch::Tensor mean = norm->running_mean.clone();
  const int64_t batches = norm->num_batches_tracked.item<int64_t>();
  before.take();
  norm->forward(torch::full({4, 3, 5, 5}, std::numeric_limits<float>::infinity()));
  EXPECT_FALSE(norm->running_mean.isfinite().all().item<bool>());
  before.restore();
  EXPECT_TRUE(torch::equal(norm->running_mean, mean));
  EXPECT_TRUE(norm->running_var.isfinite().all().item<bool>());
  EXPECT_EQ(norm->num_batches_tracked.item<int64_t>(), batches);
}

}  // namespace
}  // namespace catamaran
