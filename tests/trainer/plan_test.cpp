// The planned memory against the optimizer's and the average's own tensors.
#include "trainer/plan.h"

#include <gtest/gtest.h>

#include "model/cat.h"
#include "optimizer_arena.h"
#include "trainer/ema.h"
#include "trainer/optimizer.h"

namespace catamaran {
namespace {

RunOptions small_options() {
  RunOptions options;
  options.model.input.size = 64;
  options.model.backbone.name = "resnet10_narrow";
  options.model.attention.dim = 32;
  options.model.attention.heads = 4;
  options.model.attention.ffn_dim = 64;
  return options;
}

int64_t bytes_of(const NamedTensors& tensors) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

TEST(MemoryPlan, HasTheSizesOfTheRealOptimizerGradientsAndAverage) {
  RunOptions options = small_options();
  Cat cat(options.model, 5);
  NamedTensors parameters;
  for (const auto& item : cat->named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
  }
  const ModelCost cost = measure_cost(options.model, 5, AttentionKernel::kFused);
  for (const char* name : {"adamw", "sgd", "lars", "lamb"}) {
    options.optimizer.name = name;
    const MemoryPlan plan = plan_memory(options, cost, ActivationType::kFp32);
    EXPECT_EQ(plan.weights, bytes_of(parameters));
    EXPECT_EQ(plan.gradients, bytes_of(parameters));
    const auto arena = optimizer_arena(options.optimizer, parameters);
    const int64_t state = bytes_of(make_optimizer(options.optimizer, parameters, *arena)->state());
    EXPECT_NEAR(static_cast<double>(plan.optimizer), static_cast<double>(state), 4096) << name;
    const auto average =
        static_cast<double>(bytes_of(Ema(*cat, options.ema, options.batch.global).average()));
    EXPECT_NEAR(static_cast<double>(plan.ema), average,
                0.03 * average);  // it has BN statistics too
  }
  options.ema.decay = 0;
  EXPECT_EQ(plan_memory(options, cost, ActivationType::kFp32).ema, 0);
}

TEST(CheckpointPlan, CountsThoseThatStayForGood) {
  RunOptions options = small_options();
  options.schedule.epochs = 40;
  options.checkpoint.keep = 3;
  const ModelCost cost = measure_cost(options.model, 5, AttentionKernel::kFused);
  EXPECT_EQ(plan_checkpoints(options, cost).most, 4) << "and one that is being written";
  options.data.eval = "pack";
  EXPECT_EQ(plan_checkpoints(options, cost).most, 5) << "and the best";
  options.checkpoint.keep_every_epochs = 12;
  const CheckpointPlan plan = plan_checkpoints(options, cost);
  EXPECT_EQ(plan.for_good, 3);
  EXPECT_EQ(plan.most, 8);
  const MemoryPlan memory = plan_memory(options, cost, ActivationType::kFp32);
  EXPECT_EQ(plan.bytes, memory.weights + memory.ema + memory.optimizer);
  EXPECT_EQ(plan.most_bytes(), 8 * plan.bytes);
}

TEST(MemoryPlan, TheLargestBatchFitsAndOneMoreDoesNot) {
  const RunOptions options = small_options();
  const MemoryPlan plan = plan_memory(
      options, measure_cost(options.model, 5, AttentionKernel::kFused), ActivationType::kFp32);
  for (const int64_t gibibytes : {2, 11, 80}) {
    const int64_t device = gibibytes << 30;
    const int64_t images = plan.largest_batch(device);
    EXPECT_GT(images, 0);
    EXPECT_LE(plan.at(images), device);
    EXPECT_GT(plan.at(images + 1), device);
  }
  EXPECT_EQ(plan.largest_batch(plan.fixed() - 1), 0);
}

TEST(MemoryPlan, HalfPrecisionAddsACopyOfTheWeightsAndHalvesMostActivations) {
  const RunOptions options = small_options();
  const ModelCost cost = measure_cost(options.model, 5, AttentionKernel::kFused);
  const MemoryPlan full = plan_memory(options, cost, ActivationType::kFp32);
  const MemoryPlan half = plan_memory(options, cost, ActivationType::kBf16);
  EXPECT_EQ(half.fixed() - full.fixed(), full.weights / 2);
  EXPECT_LT(half.per_image, 0.6 * static_cast<double>(full.per_image));
  EXPECT_GE(2 * half.per_image, full.per_image);
}

}  // namespace
}  // namespace catamaran
