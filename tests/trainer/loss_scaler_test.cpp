#include "trainer/loss_scaler.h"

#include <gtest/gtest.h>

#include <cmath>

namespace catamaran {
namespace {

PrecisionOptions fp16() {
  PrecisionOptions options;
  options.compute = "fp16";
  options.loss_scale = 1024;
  options.growth_interval = 3;
  return options;
}

TEST(LossScaler, HalvesAfterAnOverflowAndDoublesAfterAnIntervalWithout) {
  LossScaler scaler(fp16(), 64, torch::kCPU);
  EXPECT_EQ(scaler.scale(), 1024);
  scaler.update(false);
  EXPECT_EQ(scaler.scale(), 512);
  scaler.update(true);
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 512);
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 1024);
  scaler.update(true);
  scaler.update(true);
  scaler.update(false);  // starts the count again
  scaler.update(true);
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 512);
  EXPECT_EQ(scaler.applied_in_row(), 2);
}

TEST(LossScaler, NeitherVanishesNorOverflowsHoweverLongItGoesOneWay) {
  LossScaler scaler(fp16(), 64, torch::kCPU);
  for (int i = 0; i < 400; ++i) scaler.update(true);
  EXPECT_EQ(scaler.scale(), 16777216);
  for (int i = 0; i < 400; ++i) scaler.update(false);
  EXPECT_GT(scaler.scale(), 0);
  EXPECT_TRUE(std::isfinite(scaler.unscale()));
}

TEST(LossScaler, SeedTimesUnscaleIsOneAndTheSeedHasTheSizeOfAMeanLoss) {
  const LossScaler scaler(fp16(), 100, torch::kCPU);
  EXPECT_EQ(scaler.seed().item<double>(), 1024.0 / 128);  // the power of two above 100 labels
  EXPECT_EQ(scaler.seed().item<double>() * scaler.unscale(), 1);
}

TEST(LossScaler, ChangesNoBitOfTheUnscaledGradient) {
  const torch::Tensor w = torch::randn({50});
  const auto gradient = [&](const torch::Tensor& seed) {
    const torch::Tensor leaf = w.clone().requires_grad_();
    leaf.sigmoid().square().sum().backward(seed);
    return leaf.grad();
  };
  const LossScaler scaler(fp16(), 100, torch::kCPU);
  EXPECT_TRUE(torch::equal(gradient(scaler.seed()) * scaler.unscale(), gradient({})));
}

TEST(LossScaler, DoesNothingWhereItIsNotActive) {
  LossScaler scaler(fp16(), 64, torch::kCPU, /*active=*/false);
  scaler.update(false);
  scaler.restore(77, 5);
  EXPECT_FALSE(scaler.seed().defined());
  EXPECT_EQ(scaler.scale(), 1);
  EXPECT_EQ(scaler.unscale(), 1);
  EXPECT_EQ(scaler.applied_in_row(), 0);
}

TEST(LossScaler, IsActiveWhereGradientsPassThroughFp16) {
  RunOptions options;
  EXPECT_FALSE(options.loss_is_scaled());
  options.precision.compute = "bf16";
  options.reducer.compression = "bf16";
  EXPECT_FALSE(options.loss_is_scaled());
  options.reducer.compression = "fp16";
  EXPECT_TRUE(options.loss_is_scaled());
  options.reducer.compression = "none";
  options.precision.compute = "fp16";
  EXPECT_TRUE(options.loss_is_scaled());
}

TEST(LossScaler, GoesOnFromACheckpoint) {
  LossScaler scaler(fp16(), 64, torch::kCPU);
  scaler.restore(256, 2);
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 512);
}

}  // namespace
}  // namespace catamaran
