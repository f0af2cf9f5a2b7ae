#include "trainer/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/error.h"

namespace catamaran {
namespace {

ScheduleOptions options(const std::string& name, int64_t epochs) {
  ScheduleOptions o;
  o.name = name;
  o.epochs = epochs;
  return o;
}

// torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=20, pct_start=.3, div_factor=25,
// final_div_factor=1e4): its values.
TEST(Schedule, OneCycleStartsAtTheFirstRatePeaksAtTheTopAndEndsAtTheLast) {
  const Schedule schedule(options("onecycle", 2), 10);
  EXPECT_NEAR(schedule.factor(0), 0.04, 1e-12);
  EXPECT_NEAR(schedule.factor(5), 1.0, 1e-12);  // 0.3 * 20 - 1
  EXPECT_NEAR(schedule.factor(19), 0.04 / 1e4, 1e-12);
  EXPECT_NEAR(schedule.factor(12), 0.5 * (1 + 4e-6), 1e-9);  // half way down
}

TEST(Schedule, RangeRisesByTheSameFactorFromStepToStep) {
  ScheduleOptions o = options("range", 3);
  o.max_steps = 21;
  o.range_ratio = 1e4;
  const Schedule schedule(o, 10);
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1);
  EXPECT_NEAR(schedule.factor(5), 10, 1e-9);
  EXPECT_NEAR(schedule.factor(20), 1e4, 1e-6);
}

TEST(Schedule, RefusesMoreStepsThanCheckpointsCanBeNamedFor) {
  ScheduleOptions o = options("constant", 1'000'000);
  EXPECT_EQ(Schedule(o, 99).last_step(), 99'000'000);
  EXPECT_THROW(Schedule(o, 100), UsageError);
  EXPECT_THROW(Schedule(o, int64_t{1} << 32), UsageError);
  o.max_steps = 5;
  EXPECT_EQ(Schedule(o, int64_t{1} << 32).last_step(), 5);
}

TEST(Schedule, ImagesOfTheWholeScheduleGiveEveryBatchItsShareOfSteps) {
  ScheduleOptions o = options("cosine", 40);
  o.images = 4096;
  for (const int64_t batch : {16, 64, 4096}) {
    const Schedule schedule(o, /*steps_per_epoch=*/7, batch);
    EXPECT_EQ(schedule.total_steps(), 4096 / batch);
    EXPECT_EQ(schedule.last_step(), 4096 / batch);
  }
  const Schedule schedule(o, 7, 64);
  EXPECT_NEAR(schedule.factor(63), 0, 1e-12);  // the shape ends with the images, not the epochs
  o.max_steps = 10;
  EXPECT_EQ(Schedule(o, 7, 64).last_step(), 10);
  o.max_steps = 0;
  o.images = int64_t{1} << 40;
  EXPECT_THROW(Schedule(o, 7, 16), UsageError);
}

// Computed by PyTorch beside this test (tests/golden/trainer.py).
TEST(Schedule, OneCycleEqualsPyTorchAtEveryStep) {
  std::ifstream file(std::string(std::getenv("CATAMARAN_GOLDEN")) + "/onecycle.json");
  const nlohmann::json cases = nlohmann::json::parse(file);
  ASSERT_GE(cases.size(), 6u);
  for (const nlohmann::json& made : cases) {
    ScheduleOptions o = options("onecycle", made["total"].get<int64_t>());
    o.pct_start = made["pct_start"].get<double>();
    const Schedule schedule(o, 1);
    const auto rates = made["rates"].get<std::vector<double>>();
    ASSERT_EQ(rates.size(), static_cast<size_t>(schedule.total_steps()));
    for (size_t t = 0; t < rates.size(); ++t) {
      EXPECT_NEAR(schedule.factor(static_cast<int64_t>(t)), rates[t], 1e-12)
          << made["total"] << " steps, pct_start " << made["pct_start"] << ", step " << t;
    }
  }
}

TEST(Schedule, OneCycleWhoseRiseIsOneStepStartsAtTheTop) {
  ScheduleOptions o = options("onecycle", 5);
  o.pct_start = 0.2;  // 0.2 * 5 - 1 = 0: where PyTorch divides by zero
  const Schedule schedule(o, 1);
  o.pct_start = 0.2 - 1e-9;  // as PyTorch has it beside that point
  const Schedule beside(o, 1);
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1);
  for (int64_t t = 0; t < 5; ++t) EXPECT_NEAR(schedule.factor(t), beside.factor(t), 1e-8) << t;
}

TEST(Schedule, StepMultipliesAtEachMilestoneEpochAlsoAfterAResume) {
  ScheduleOptions o = options("step", 40);
  const Schedule schedule(o, 5);
  EXPECT_DOUBLE_EQ(schedule.factor(99), 1);
  EXPECT_DOUBLE_EQ(schedule.factor(100), 0.1);  // epoch 20 begins
  EXPECT_NEAR(schedule.factor(150), 0.01, 1e-15);
}

TEST(Schedule, WarmUpRisesLinearlyAndReachesTheFullRateAtItsLastStep) {
  ScheduleOptions o = options("constant", 4);
  o.warmup_epochs = 2;
  const Schedule schedule(o, 5);
  EXPECT_DOUBLE_EQ(schedule.factor(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.factor(9), 1);
  EXPECT_DOUBLE_EQ(schedule.factor(15), 1);
}

TEST(Schedule, CosineEndsAtItsFinalRatio) {
  ScheduleOptions o = options("cosine", 3);
  o.final_ratio = 0.1;
  const Schedule schedule(o, 7);
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1);
  EXPECT_NEAR(schedule.factor(10), 0.55, 1e-12);
  EXPECT_NEAR(schedule.factor(20), 0.1, 1e-12);
}

TEST(Schedule, MaxStepsEndsTheRunAndLeavesTheShape) {
  ScheduleOptions o = options("cosine", 10);
  o.max_steps = 20;
  const Schedule cut(o, 10);
  EXPECT_EQ(cut.last_step(), 20);
  EXPECT_DOUBLE_EQ(cut.factor(15), Schedule(options("cosine", 10), 10).factor(15));
}

TEST(StepsOfEpochs, RoundsAndIsAtLeastOneUnlessNever) {
  EXPECT_EQ(steps_of_epochs(0, 100), 0);
  EXPECT_EQ(steps_of_epochs(0.001, 100), 1);
  EXPECT_EQ(steps_of_epochs(2.5, 100), 250);
}

TEST(Schedule, WarmsUpOverImagesWhateverTheBatch) {
  ScheduleOptions o = options("constant", 2);
  o.warmup_images = 320;
  const Schedule small(o, 100, 32);
  EXPECT_DOUBLE_EQ(small.factor(0), 0.1);
  EXPECT_DOUBLE_EQ(small.factor(9), 1);
  EXPECT_DOUBLE_EQ(Schedule(o, 100, 64).factor(1), 0.4);
  EXPECT_DOUBLE_EQ(Schedule(o, 100, 1000).factor(0), 1);
}

}  // namespace
}  // namespace catamaran
