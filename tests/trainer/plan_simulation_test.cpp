// Schedules small enough to be done by hand.
#include "trainer/plan_simulation.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

constexpr double kNear = 1e-9;

// One node of two ranks, an all-reduce of b bytes takes b / 100 seconds: 2 (1) b / (2 * 100).
Network two_ranks() {
  Network network;
  network.inside.bandwidth_bytes_per_second = 100;
  return network;
}

MeasuredStep ten_images() {
  MeasuredStep step;
  step.images = 10;
  step.forward_seconds = 1;
  step.backward_seconds = 2;
  step.optimizer_seconds = 0.5;
  step.gradients = {{100, 0.5}, {100, 1.0}, {50, 2.0}};
  return step;
}

Workload ten_a_device() {
  Workload work;
  work.per_device = 10;
  return work;
}

TEST(AllReduceSeconds, IsARingInsideANode) {
  Network network = two_ranks();
  network.inside.latency_seconds = 3;
  EXPECT_NEAR(all_reduce_seconds(network, 100, 1), 0, kNear);
  EXPECT_NEAR(all_reduce_seconds(network, 100, 2), 2 * (3 + 0.5), kNear);
  EXPECT_NEAR(all_reduce_seconds(network, 100, 4), 6 * (3 + 0.25), kNear);
}

TEST(AllReduceSeconds, GoesUpATreeBetweenNodes) {
  Network network;
  network.ranks_per_node = 2;
  network.between = {.latency_seconds = 1, .bandwidth_bytes_per_second = 10};
  EXPECT_NEAR(all_reduce_seconds(network, 100, 2), 0, kNear);  // no limit inside
  EXPECT_NEAR(all_reduce_seconds(network, 100, 4), 2 * 1 + 10, kNear);
  EXPECT_NEAR(all_reduce_seconds(network, 100, 16), 2 * 3 + 17.5, kNear);
  EXPECT_NEAR(all_reduce_seconds(network, 100, 9), 2 * 3 + 2 * 4.0 / 5 * 10, kNear);  // 5 nodes
}

TEST(PackBuckets, CutsThemAsTheReducerDoes) {
  const std::vector<ReadyGradient> gradients = {{24, 1},  {24, 2}, {24, 3}, {24, 4},
                                                {360, 5}, {8, 6},  {8, 7}};
  const BucketSizes sizes = {.first = 10, .middle = 20, .last = 5};
  const std::vector<ReadyGradient> buckets = pack_buckets(gradients, sizes);
  ASSERT_EQ(buckets.size(), 4U);
  EXPECT_EQ(buckets[0].bytes, 24);  // a small first one
  EXPECT_EQ(buckets[1].bytes, 72);
  EXPECT_EQ(buckets[1].seconds, 4);
  EXPECT_EQ(buckets[2].bytes, 360);  // larger than any bucket
  EXPECT_EQ(buckets[3].bytes, 16);   // a small last one
  EXPECT_EQ(buckets[3].seconds, 7);

  ArenaContents contents;
  for (const ReadyGradient& gradient : gradients) contents.elements.push_back(gradient.bytes / 4);
  contents.group.assign(gradients.size(), 0);
  contents.order = {0, 1, 2, 3, 4, 5, 6};
  EXPECT_EQ(lay_out(contents, sizes).buckets.size(), buckets.size());
}

TEST(PackBuckets, CountsTwoBytesAValueWhereGradientsAreCompressed) {
  const std::vector<ReadyGradient> gradients = {{24, 1}, {24, 2}, {24, 3}};
  const BucketSizes sizes = {.first = 6, .middle = 20, .last = 6};
  const std::vector<ReadyGradient> whole = pack_buckets(gradients, sizes);
  const std::vector<ReadyGradient> half = pack_buckets(gradients, sizes, 2);
  ASSERT_EQ(half.size(), whole.size());  // cut by fp32 values
  for (size_t b = 0; b < half.size(); ++b) EXPECT_EQ(2 * half[b].bytes, whole[b].bytes);
}

TEST(ExposedSeconds, IsNothingForOneRank) {
  EXPECT_EQ(exposed_seconds({{1000, 2}}, 2, two_ranks(), 1), 0);
}

TEST(ExposedSeconds, OfOneBucketAtTheEndIsAllOfIt) {
  EXPECT_NEAR(exposed_seconds({{300, 2}}, 2, two_ranks(), 2), 3, kNear);
}

TEST(ExposedSeconds, IsNothingWhereAllIsHidden) {
  EXPECT_NEAR(exposed_seconds({{50, 0.5}, {50, 1.0}}, 2, two_ranks(), 2), 0, kNear);
}

TEST(ExposedSeconds, IsTheLastBucketsWhereTheOthersAreHidden) {
  EXPECT_NEAR(exposed_seconds({{100, 0.5}, {50, 2}}, 2, two_ranks(), 2), 0.5, kNear);
}

TEST(ExposedSeconds, CountsBucketsThatWaitForTheOneBefore) {
  // 0.5 to 2.5, 2.5 to 4.5 (ready at 1), 4.5 to 5: 3 after backward.
  EXPECT_NEAR(exposed_seconds({{200, 0.5}, {200, 1}, {50, 2}}, 2, two_ranks(), 2), 3, kNear);
}

TEST(ExposedSeconds, IsAllWhereTheComputingCoreDoesIt) {
  Network network = two_ranks();
  network.exchange_share = 1;
  EXPECT_NEAR(exposed_seconds({{50, 0.5}, {50, 1.0}, {50, 2.0}}, 2, network, 2), 1.5, kNear);
  network.exchange_share = 0.5;  // the first two cost half, the last comes after
  EXPECT_NEAR(exposed_seconds({{50, 0.5}, {50, 1.0}, {50, 2.0}}, 2, network, 2), 1.0, kNear);
}

TEST(PredictStep, OfOneRankIsTheMeasuredStep) {
  const MeasuredStep step = ten_images();
  const StepPrediction p = predict_step(step, step.gradients, two_ranks(), ten_a_device(), 1);
  EXPECT_NEAR(p.seconds, 3.5, kNear);
  EXPECT_NEAR(p.efficiency, 1, kNear);
  EXPECT_EQ(p.exchange_seconds, 0);
  EXPECT_EQ(p.limit, "compute");
}

TEST(PredictStep, AddsWhatIsExposed) {
  // Ready 0.5, 1, 2; 1 s, 1 s, 0.5 s: ends 1.5, 2.5, 3.
  const MeasuredStep step = ten_images();
  const StepPrediction p = predict_step(step, step.gradients, two_ranks(), ten_a_device(), 2);
  EXPECT_NEAR(p.exchange_seconds, 2.5, kNear);
  EXPECT_NEAR(p.exposed_seconds, 1, kNear);
  EXPECT_NEAR(p.seconds, 4.5, kNear);
  EXPECT_EQ(p.global_batch, 20);
  EXPECT_NEAR(p.images_per_second, 20 / 4.5, kNear);
  EXPECT_NEAR(p.efficiency, 3.5 / 4.5, kNear);
}

TEST(PredictStep, AccumulatesWhereTheGlobalBatchIsKept) {
  Workload work = ten_a_device();
  work.scaling = Scaling::kStrong;
  work.global_batch = 60;
  work.images_per_epoch = 600;
  work.epochs = 3;
  const MeasuredStep step = ten_images();
  const StepPrediction one = predict_step(step, {}, Network(), work, 1);
  EXPECT_EQ(one.parts, 6);
  EXPECT_NEAR(one.seconds, 6 * 3 + 0.5, kNear);
  const StepPrediction four = predict_step(step, {}, Network(), work, 4);
  EXPECT_EQ(four.parts, 3);  // 15 images: three times 5, since 10 does not divide them
  EXPECT_EQ(four.per_device, 5);
  EXPECT_NEAR(four.seconds, 3 * 1.5 + 0.5, kNear);
  EXPECT_NEAR(four.epoch_seconds, 10 * four.seconds, kNear);
  EXPECT_NEAR(four.device_hours, 4 * 3 * four.epoch_seconds / 3600, kNear);
  EXPECT_FALSE(can_split(work, 7));
  EXPECT_TRUE(can_split(ten_a_device(), 7));
}

TEST(PredictStep, IsNoFasterThanLoaderOrStorage) {
  const MeasuredStep step = ten_images();
  Workload work = ten_a_device();
  work.loader_images_per_second = 1;
  StepPrediction p = predict_step(step, {}, Network(), work, 4);
  EXPECT_EQ(p.limit, "loader");
  EXPECT_NEAR(p.seconds, 10, kNear);
  work.storage_bytes_per_second = 100;
  work.image_bytes = 50;
  work.checkpoint_bytes = 4000;
  work.checkpoint_every_steps = 4;
  p = predict_step(step, {}, Network(), work, 4);
  EXPECT_EQ(p.limit, "storage");
  EXPECT_NEAR(p.seconds, (40 * 50 + 1000) / 100.0, kNear);
}

TEST(PredictStep, WritesACheckpointAnEpochAfterFewerStepsOnMoreRanks) {
  const MeasuredStep step = ten_images();
  Workload work = ten_a_device();
  work.storage_bytes_per_second = 1;
  work.images_per_epoch = 400;
  work.checkpoint_bytes = 4000;
  work.checkpoint_every_epochs = 1;
  EXPECT_NEAR(predict_step(step, {}, Network(), work, 1).seconds, 100, kNear);  // of 40 steps
  EXPECT_NEAR(predict_step(step, {}, Network(), work, 4).seconds, 400, kNear);  // of 10
}

TEST(PredictStep, SharesCoresThatAreTooFew) {
  Network network;
  network.cores_per_node = 2;
  const MeasuredStep step = ten_images();
  EXPECT_NEAR(predict_step(step, {}, network, ten_a_device(), 2).seconds, 3.5, kNear);
  EXPECT_NEAR(predict_step(step, {}, network, ten_a_device(), 4).seconds, 7, kNear);
  network.ranks_per_node = 2;
  EXPECT_NEAR(predict_step(step, {}, network, ten_a_device(), 4).seconds, 3.5, kNear);
}

TEST(PredictStep, WaitsForTheSlowestRank) {
  MeasuredStep step = ten_images();
  step.spread = 0.1;
  const StepPrediction p = predict_step(step, {}, Network(), ten_a_device(), 16);
  EXPECT_NEAR(p.waiting_seconds, 0.1 * 3 * expected_maximum(16), kNear);
  EXPECT_NEAR(p.seconds, 3.5 + p.waiting_seconds, kNear);
}

TEST(PredictStep, GetsNoShorterWithMoreRanksAndNoLongerWithMoreBandwidth) {
  const MeasuredStep step = ten_images();
  Network network;
  network.inside = {.latency_seconds = 0.001, .bandwidth_bytes_per_second = 1000};
  network.between = {.latency_seconds = 0.01, .bandwidth_bytes_per_second = 200};
  Network faster = network;
  faster.between.bandwidth_bytes_per_second *= 4;
  double before = 0;
  for (int64_t ranks = 1; ranks <= 4096; ranks *= 2) {
    const StepPrediction p = predict_step(step, step.gradients, network, ten_a_device(), ranks);
    EXPECT_GE(p.seconds, before) << ranks;
    EXPECT_LE(p.efficiency, 1 + kNear) << ranks;
    EXPECT_LE(predict_step(step, step.gradients, faster, ten_a_device(), ranks).seconds,
              p.seconds + kNear);
    before = p.seconds;
  }
}

TEST(ExpectedMaximum, IsThatOfNormalNumbers) {  // Tippett's table; Blom's is within 5 %
  EXPECT_EQ(expected_maximum(1), 0);
  EXPECT_NEAR(expected_maximum(2), 0.5642, 0.03);
  EXPECT_NEAR(expected_maximum(4), 1.0294, 0.03);
  EXPECT_NEAR(expected_maximum(100), 2.5076, 0.03);
  EXPECT_NEAR(expected_maximum(1000), 3.2414, 0.03);
}

}  // namespace
}  // namespace catamaran
