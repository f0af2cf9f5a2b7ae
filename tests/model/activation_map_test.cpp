#include "model/activation_map.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

CatOptions narrow(const std::string& pool) {
  CatOptions options;
  options.backbone.name = "resnet10_narrow";
  options.attention.dim = 32;
  options.attention.heads = 4;
  options.attention.ffn_dim = 64;
  options.head.pool = pool;
  return options;
}

// A model whose heads have biases, in eval mode.
Cat ready(const CatOptions& options) {
  const torch::NoGradGuard no_grad;
  Cat cat(options, 5);
  initialise(*cat, 3);
  for (auto& item : cat->named_parameters()) {
    if (item.key().ends_with("fc.bias")) item.value().copy_(torch::linspace(-1, 2, 5));
  }
  cat->eval();
  return cat;
}

double worst_of_sum(const CatOptions& options, int64_t size) {
  const torch::NoGradGuard no_grad;
  Cat cat = ready(options);
  torch::manual_seed(1);
  const CatOutput out = cat->forward(torch::randn({2, 3, size, size}), true);
  const ActivationMaps cam = activation_maps(*cat, out, 1);
  EXPECT_GT(cam.bias_L.abs().max().item<double>(), 0.5);
  return (cam.maps_LHW.mean({1, 2}) + cam.bias_L - out.yhat_BL[1]).abs().max().item<double>();
}

TEST(ActivationMap, MeanPlusBiasIsTheLogitUnderMeanPooling) {
  EXPECT_LT(worst_of_sum(narrow("mean"), 64), 1e-5);
  EXPECT_GT(worst_of_sum(narrow("max"), 64), 1e-2);  // and under no other
}

TEST(ActivationMap, TheSumHoldsWhereLevelsHaveSizesThatDoNotDivide) {
  CatOptions options = narrow("mean");
  options.cla.enabled = false;
  EXPECT_LT(worst_of_sum(options, 64), 1e-5);
  EXPECT_LT(worst_of_sum(options, 72), 1e-5);  // 5, 9 and 18 tokens a side
  options.fpn.enabled = options.lrd_enabled = false;
  EXPECT_LT(worst_of_sum(options, 72), 1e-5);
}

TEST(ActivationMap, HasTheResolutionOfTheFinestLevel) {
  const torch::NoGradGuard no_grad;
  CatOptions options = narrow("mean");
  options.cla.enabled = false;
  Cat cat = ready(options);
  const CatOutput out = cat->forward(torch::randn({1, 3, 72, 72}), true);
  EXPECT_EQ(out.class_maps_BLHW[0].size(2), 5);
  EXPECT_EQ(out.class_maps_BLHW[1].size(2), 9);
  const ActivationMaps cam = activation_maps(*cat, out, 0);
  EXPECT_EQ(cam.maps_LHW.sizes(), (std::vector<int64_t>{5, 18, 18}));
  EXPECT_EQ(upsampled(cam.maps_LHW[2], 30, 50).sizes(), (std::vector<int64_t>{30, 50}));
}

}  // namespace
}  // namespace catamaran
