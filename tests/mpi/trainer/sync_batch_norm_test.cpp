// Batch norm over ranks against torch's over the concatenated batch: what is normalised, what is
// kept and what is learnt must be the same, whatever parts the ranks have.
#include "model/sync_batch_norm.h"

#include <gtest/gtest.h>

#include <numeric>

#include "model/autocast.h"
#include "mpi_test_environment.h"
#include "trainer/consistency.h"
#include "trainer/rank_statistics.h"

namespace catamaran {
namespace {

constexpr int64_t kChannels = 6;

ProcessGroup& group() { return *test_group(); }

// Which images of the whole batch this rank has.
struct Parts {
  const char* name;
  std::vector<int64_t> (*images)(int world);
};

std::vector<int64_t> even(int world) { return std::vector<int64_t>(static_cast<size_t>(world), 2); }
std::vector<int64_t> uneven(int world) {
  std::vector<int64_t> images;
  for (int rank = 0; rank < world; ++rank) images.push_back(1 + 2 * rank);
  return images;
}
std::vector<int64_t> with_an_empty_one(int world) {
  std::vector<int64_t> images = uneven(world);
  if (world > 1) images[static_cast<size_t>(world / 2)] = 0;
  return images;
}

torch::Tensor my_part(const torch::Tensor& whole_BCHW, const std::vector<int64_t>& images) {
  int64_t first = 0;
  for (int rank = 0; rank < group().rank(); ++rank) first += images[static_cast<size_t>(rank)];
  return whole_BCHW.narrow(0, first, images[static_cast<size_t>(group().rank())])
      .contiguous(at::MemoryFormat::ChannelsLast);
}

torch::nn::BatchNorm2d made_norm() {
  torch::manual_seed(3);
  torch::nn::BatchNorm2d norm(torch::nn::BatchNorm2dOptions(kChannels).eps(1e-5).momentum(0.3));
  const torch::NoGradGuard no_grad;
  norm->weight.copy_(torch::randn({kChannels}));
  norm->bias.copy_(torch::randn({kChannels}));
  norm->running_mean.copy_(torch::randn({kChannels}));
  norm->running_var.copy_(torch::rand({kChannels}) + 0.5);
  return norm;
}

// Means far from zero, which one-pass sums in fp32 would not survive.
torch::Tensor made_batch(int64_t images, double offset) {
  torch::manual_seed(4);
  return torch::randn({images, kChannels, 5, 3}) * torch::arange(1.0, 7.0).view({1, -1, 1, 1}) +
         offset;
}

void expect_close(const torch::Tensor& got, const torch::Tensor& wanted, double tolerance,
                  const char* what) {
  ASSERT_EQ(got.sizes(), wanted.sizes()) << what;
  if (got.numel() == 0) return;
  const double scale = std::max(1.0, wanted.abs().max().item<double>());
  EXPECT_LE((got - wanted).abs().max().item<double>(), tolerance * scale) << what;
}

class SyncBatchNormOfParts : public testing::TestWithParam<Parts> {};

TEST_P(SyncBatchNormOfParts, IsBatchNormOverTheConcatenatedBatch) {
  const std::vector<int64_t> images = GetParam().images(group().world());
  const int64_t total = std::accumulate(images.begin(), images.end(), int64_t{0});
  const StatisticsExchangePtr exchange = share_statistics(group(), torch::kCPU);
  torch::nn::BatchNorm2d whole_norm = made_norm();
  torch::nn::BatchNorm2d norm = made_norm();
  for (const double offset : {0.0, 300.0}) {
    whole_norm->zero_grad();
    norm->zero_grad();
    torch::Tensor whole_x = made_batch(total, offset).requires_grad_();
    torch::manual_seed(5);
    const torch::Tensor whole_dy = torch::randn_like(whole_x);
    const torch::Tensor whole_y = whole_norm->forward(whole_x);
    whole_y.backward(whole_dy);

    torch::Tensor x = my_part(whole_x.detach(), images).requires_grad_();
    const torch::Tensor y = sync_batch_norm(x, *norm, exchange);
    y.backward(my_part(whole_dy, images));
    // 300 has lost 2 decimals of fp32 before anybody normalises.
    const double tolerance = offset == 0 ? 2e-6 : 1e-4;
    expect_close(y, my_part(whole_y.detach(), images), tolerance, "y");
    expect_close(x.grad(), my_part(whole_x.grad(), images), tolerance, "dx");
    EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));

    torch::Tensor gradients = torch::cat({norm->weight.grad(), norm->bias.grad()});
    group().host().all_reduce(gradients.data_ptr<float>(), gradients.numel(), DataType::kFloat32,
                              ReduceOp::kSum);
    expect_close(gradients, torch::cat({whole_norm->weight.grad(), whole_norm->bias.grad()}),
                 tolerance, "gradients of weight and bias, summed over ranks");
    expect_close(norm->running_mean, whole_norm->running_mean, 1e-6, "running mean");
    expect_close(norm->running_var, whole_norm->running_var, 1e-5, "running variance");
  }
  EXPECT_EQ(norm->num_batches_tracked.item<int64_t>(), 2);
  require_same_parameters({{"mean", norm->running_mean}, {"var", norm->running_var}}, group(), 1);
}

INSTANTIATE_TEST_SUITE_P(Parts, SyncBatchNormOfParts,
                         testing::Values(Parts{"Even", even}, Parts{"Uneven", uneven},
                                         Parts{"OneEmpty", with_an_empty_one}),
                         [](const auto& info) { return info.param.name; });

TEST(SyncBatchNorm, ComputesStatisticsInSinglePrecisionUnderAutocast) {
  const StatisticsExchangePtr exchange = share_statistics(group(), torch::kCPU);
  const std::vector<int64_t> images = even(group().world());
  const torch::Tensor whole = made_batch(2 * group().world(), 1).to(torch::kBFloat16);
  torch::nn::BatchNorm2d whole_norm = made_norm();
  torch::nn::BatchNorm2d norm = made_norm();
  torch::Tensor x = my_part(whole, images).requires_grad_();
  torch::Tensor y;
  {
    const Autocast half(torch::kCPU, torch::kBFloat16);
    y = sync_batch_norm(x, *norm, exchange);
  }
  const torch::Tensor wanted = whole_norm->forward(whole.to(torch::kFloat32));
  EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(norm->running_var.scalar_type(), torch::kFloat32);
  expect_close(norm->running_mean, whole_norm->running_mean, 1e-6, "running mean");
  expect_close(y.to(torch::kFloat32), my_part(wanted.detach(), images), 1e-2, "y");
  y.sum().backward();
  EXPECT_EQ(x.grad().scalar_type(), torch::kBFloat16);
}

// Which it must not: of this rank's part alone, y would be another.
TEST(SyncBatchNorm, DiffersFromEachRanksOwn) {
  if (group().world() == 1) return;
  const std::vector<int64_t> images = even(group().world());
  const torch::Tensor x = my_part(made_batch(2 * group().world(), 0), images);
  torch::nn::BatchNorm2d norm = made_norm();
  const torch::Tensor shared =
      sync_batch_norm(x, *norm, share_statistics(group(), torch::kCPU)).detach();
  EXPECT_GT((shared - made_norm()->forward(x).detach()).abs().max().item<double>(), 0.05);
}

}  // namespace
}  // namespace catamaran
