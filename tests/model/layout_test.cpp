// Channels-last from the picture to the logits and back: no tensor is copied into another memory
// order on the way.
#include <gtest/gtest.h>

#include "layout_copies.h"
#include "model/autocast.h"
#include "model/cat.h"
#include "model/fold_batch_norm.h"
#include "model/losses.h"
#include "model/pack_weights.h"
#include "model_cases.h"

namespace catamaran {
namespace {

torch::Tensor picture(int64_t images, int64_t side) {
  return torch::randn({images, side, side, 3}).permute({0, 3, 1, 2});  // as DeviceBatch has it
}

// All copies, or those of feature maps alone.
std::vector<std::string> layout_copies(const Case& each, double dropout, at::ScalarType compute,
                                       int64_t images, int64_t side, bool maps_alone = false) {
  Cat cat(options_with(each.change, dropout), 5);
  initialise(*cat, 1);
  cat->train();
  const torch::Tensor x_BCHW = picture(images, side);
  const torch::Tensor y_BL = torch::randint(0, 2, {images, 5}).mul(2).sub(1).to(torch::kInt8);
  CatOutput out;
  LayoutCopies copies;
  {
    const Autocast scope(torch::kCPU, compute);
    out = cat->forward(x_BCHW);
  }
  Loss(LossOptions{})(out, y_BL).sum.backward();
  return maps_alone ? copies.maps() : copies.found();
}

TEST(Layout, NoHiddenCopiesForwardOrBackwardUnderEverySwitch) {
  for (const Case& each : cases()) {
    for (const auto& [images, side] : {std::pair{3, 64}, {2, 80}}) {
      const auto copies = layout_copies(each, 0, torch::kFloat32, images, side);
      EXPECT_TRUE(copies.empty()) << each.name << ", " << images << " images of " << side << ":\n"
                                  << LayoutCopies::text(copies);
      if (is_large(each)) break;
    }
  }
}

TEST(Layout, NoHiddenCopiesInSixteenBits) {
  for (const Case& each : cases()) {
    // On some CPUs LibTorch takes a 16-bit convolution of groups apart.
    if (is_large(each) || each.name.ends_with("lite0")) continue;
    const auto copies = layout_copies(each, 0, torch::kBFloat16, 3, 64);
    EXPECT_TRUE(copies.empty()) << each.name << ":\n" << LayoutCopies::text(copies);
  }
}

// torch's CPU attention with dropout arranges the heads' queries, keys and values for a batched
// product; everything outside it stays as it is.
TEST(Layout, NoHiddenCopiesOfFeatureMapsWithDropout) {
  for (const Case& each : cases()) {
    if (is_large(each)) continue;
    const auto copies = layout_copies(each, 0.1, torch::kFloat32, 3, 64, /*maps_alone=*/true);
    EXPECT_TRUE(copies.empty()) << each.name << ":\n" << LayoutCopies::text(copies);
  }
}

TEST(Layout, NoHiddenCopiesWhenPreparedForInference) {
  for (const Case& each : cases()) {
    if (is_large(each) || each.name == "frozen_bn") continue;
    Cat cat(options_with(each.change), 5);
    initialise(*cat, 1);
    cat->eval();
    fold_batch_norm(*cat);
    pack_weights(*cat);
    const torch::InferenceMode inference;
    const torch::Tensor x_BCHW = picture(3, 64);
    const LayoutCopies copies;
    cat->forward(x_BCHW);
    EXPECT_TRUE(copies.found().empty()) << each.name << ":\n" << LayoutCopies::text(copies.found());
  }
}

TEST(Layout, TheCounterSeesACopyThatAKernelMakes) {
  LayoutCopies copies;
  const torch::Tensor x = torch::randn({2, 4, 6, 6});
  const torch::Tensor y = x.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_EQ(copies.found().size(), 1u);
  EXPECT_EQ(y.to(torch::kFloat64).scalar_type(), torch::kFloat64);
  EXPECT_EQ(copies.found().size(), 1u);
  torch::conv2d(x, torch::randn({4, 4, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_GT(copies.found().size(), 1u);
}

TEST(Layout, TheCounterLetsAPadPassUnlessItAlsoChangesTheOrder) {
  const torch::Tensor x = torch::randn({2, 4, 6, 6}).contiguous(at::MemoryFormat::ChannelsLast);
  LayoutCopies copies;
  torch::constant_pad_nd(x, {0, 1, 0, 1});
  EXPECT_TRUE(copies.found().empty()) << LayoutCopies::text(copies.found());
  torch::constant_pad_nd(x.permute({0, 2, 3, 1}).permute({0, 3, 1, 2}), {0, 1, 0, 1});
  EXPECT_TRUE(copies.found().empty()) << LayoutCopies::text(copies.found());
  torch::zeros({2, 4, 6, 6}).copy_(x);  // not of a pad: counts
  EXPECT_EQ(copies.found().size(), 1u);
  torch::constant_pad_nd(torch::randn({2, 4, 6, 6}).transpose(2, 3), {0, 1, 0, 1});
  EXPECT_EQ(copies.found().size(), 2u) << LayoutCopies::text(copies.found());
}

TEST(Layout, ConvolutionWeightsAreChannelsLastFromTheStartAndAfterMoving) {
  Cat cat(options_with([](CatOptions&) {}), 5);
  const auto expect_channels_last = [&] {
    for (const auto& item : cat->named_parameters()) {
      if (item.value().dim() == 4) {
        EXPECT_TRUE(item.value().is_contiguous(at::MemoryFormat::ChannelsLast)) << item.key();
      }
    }
  };
  expect_channels_last();
  cat->to(torch::kCPU);
  expect_channels_last();
  cat->to(torch::kFloat64);
  cat->to(torch::kFloat32);
  expect_channels_last();
}

}  // namespace
}  // namespace catamaran
