// Host bytes and labels as the network and the loss want them; of mixed images, too.
#include "trainer/device_batch.h"

#include <gtest/gtest.h>

#include <cstring>

#include "model/losses.h"
#include "support/error.h"

namespace catamaran {
namespace {

// Images of 2 x 3 pixels with bytes 0, 1, 2, ... and these labels.
Batch batch_of(int64_t images, std::vector<int8_t> labels, std::vector<float> own_share = {}) {
  Batch batch;
  batch.images = images;
  batch.height = 2;
  batch.width = 3;
  batch.classes = std::ssize(labels) / images;
  const int64_t bytes = images * 2 * 3 * 3;
  batch.pixels = plain_host_allocator()(bytes);
  for (int64_t i = 0; i < bytes; ++i) batch.pixels.get()[i] = static_cast<uint8_t>(i);
  batch.labels = std::move(labels);
  batch.own_share = std::move(own_share);
  return batch;
}

std::vector<float> targets(const Batch& batch, const LabelRules& rules = {}) {
  const torch::Tensor y_BL = to_device(batch, {}, rules, torch::kCPU).y_BL.to(torch::kFloat32);
  return {y_BL.data_ptr<float>(), y_BL.data_ptr<float>() + y_BL.numel()};
}

using Values = std::vector<float>;

TEST(DeviceBatch, NormalisesBytesAndKeepsTheirOrderInMemory) {
  const Batch batch = batch_of(2, {1, -1});
  InputOptions input;
  input.mean = {0.5, 0.25, 0};
  input.std = {0.5, 1, 2};
  const DeviceBatch in = to_device(batch, input, {}, torch::kCPU);
  EXPECT_EQ(in.x_BCHW.sizes().vec(), (std::vector<int64_t>{2, 3, 2, 3}));
  EXPECT_TRUE(in.x_BCHW.is_contiguous(torch::MemoryFormat::ChannelsLast));
  // Image 1, channel 2, row 1, column 0: byte ((1 * 2 + 1) * 3 + 0) * 3 + 2 = 29.
  EXPECT_NEAR(in.x_BCHW[1][2][1][0].item<double>(), 29 / 255.0 / 2, 1e-6);
  EXPECT_NEAR(in.x_BCHW[0][0][0][0].item<double>(), -1, 1e-6);
  EXPECT_EQ(in.y_BL.scalar_type(), torch::kInt8);
}

TEST(DeviceBatch, LeavesTheHostsBytesFreeToBeFilledAgain) {
  const Batch batch = batch_of(1, {1});
  const DeviceBatch in = to_device(batch, {}, {}, torch::kCPU);
  const torch::Tensor before = in.x_BCHW.clone();
  std::memset(batch.pixels.get(), 255, 18);
  EXPECT_TRUE(torch::equal(in.x_BCHW, before));
}

TEST(DeviceBatch, AppliesTheDifficultRuleToLabelsThatAreIgnored) {
  const Batch batch = batch_of(1, {1, 0, -1});
  EXPECT_EQ(targets(batch), (Values{1, 0, -1}));
  EXPECT_EQ(targets(batch, {.difficult = DifficultRule::kPositive}), (Values{1, 1, -1}));
  EXPECT_EQ(targets(batch, {.difficult = DifficultRule::kNegative}), (Values{1, -1, -1}));
}

TEST(MixedLabelsOfABatch, CountAsMuchAsTheirImage) {
  const Batch batch = batch_of(2, {1, -1, 1, -1, 1, 1}, {0.75F, 0.75F});
  EXPECT_EQ(targets(batch), (Values{0.75F, 0.25F, 1, 0.25F, 0.75F, 1}));
}

TEST(MixedLabelsOfABatch, CountWholeInAUnion) {
  const Batch batch = batch_of(2, {1, -1, -1, -1, 1, -1}, {0.75F, 0.75F});
  EXPECT_EQ(targets(batch, {.mixed = MixedLabels::kUnion}), (Values{1, 1, 0, 1, 1, 0}));
}

TEST(MixedLabelsOfABatch, AreIgnoredWhereEitherImagesIs) {
  const Batch batch = batch_of(2, {0, 1, -1, 1, 0, -1}, {0.5F, 0.5F});
  for (const MixedLabels rule : {MixedLabels::kShare, MixedLabels::kUnion}) {
    const Values y = targets(batch, {.mixed = rule});
    EXPECT_EQ(y[0], -1);
    EXPECT_EQ(y[1], -1);
    EXPECT_EQ(y[2], 0);
    EXPECT_EQ(y[3], -1);
    EXPECT_EQ(y[4], -1);
  }
}

TEST(MixedLabelsOfABatch, OfAnImageThatIsNotMixedAreItsOwnAlone) {
  const Batch batch = batch_of(4, {1, -1, 0, 1, 1, -1, -1, 1}, {1, 1, 0.5F, 0.5F});
  EXPECT_EQ(targets(batch), (Values{1, 0, -1, 1, 0.5F, 0.5F, 0.5F, 0.5F}));
}

TEST(MixedLabelsOfABatch, OfTheLastOfAnOddNumberAreItsOwn) {
  const Batch batch = batch_of(3, {1, -1, 1}, {0.25F, 0.25F, 1});
  EXPECT_EQ(targets(batch), (Values{0.25F, 0.75F, 1}));
}

TEST(MixedLabelsOfABatch, FollowTheDifficultRuleFirst) {
  const Batch batch = batch_of(2, {0, -1}, {0.75F, 0.75F});
  EXPECT_EQ(targets(batch, {.difficult = DifficultRule::kPositive}), (Values{0.75F, 0.25F}));
}

TEST(MixedLabelsOfABatch, NobodyMixedCostWhatTheirSignsCost) {
  const Batch plain = batch_of(2, {1, 0, -1, -1, 1, 1});
  Batch mixed = plain;
  mixed.own_share = {1, 1};
  const torch::Tensor logits_BL = torch::tensor({{0.5, -2.0, 3.0}, {-1.0, 0.25, 4.0}});
  for (const std::string name : {"bce", "focal", "asl"}) {
    LossOptions options;
    options.name = name;
    options.label_smoothing = 0.1;
    const Loss loss(options);
    const LossSum one = loss.of_logits(logits_BL, to_device(plain, {}, {}, torch::kCPU).y_BL);
    const LossSum other = loss.of_logits(logits_BL, to_device(mixed, {}, {}, torch::kCPU).y_BL);
    EXPECT_EQ(one.sum.item<double>(), other.sum.item<double>()) << name;
    EXPECT_EQ(one.count.item<double>(), other.count.item<double>()) << name;
    EXPECT_EQ(one.count.item<double>(), 5) << name;
  }
}

TEST(LabelRuleNames, AreThoseOfTheConfiguration) {
  EXPECT_EQ(mixed_labels("union"), MixedLabels::kUnion);
  EXPECT_EQ(difficult_rule("negative"), DifficultRule::kNegative);
  EXPECT_THROW(mixed_labels("both"), UsageError);
  EXPECT_THROW(difficult_rule("drop"), UsageError);
}

}  // namespace
}  // namespace catamaran
