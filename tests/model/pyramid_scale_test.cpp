#include "model/pyramid_scale.h"

#include <gtest/gtest.h>

#include "golden.h"
#include "model/weights.h"

namespace catamaran {
namespace {

// Norms so that the levels' scales are far apart, as those of trained weights are.
Cat uneven(const std::string& backbone, bool freeze_bn = false) {
  const torch::NoGradGuard no_grad;
  CatOptions options;
  options.backbone.name = backbone;
  options.backbone.bn = freeze_bn ? "frozen" : "local";
  options.attention.dim = 64;
  Cat cat(options, 3);
  initialise(*cat, 1);
  for (auto& item : cat->backbone().named_parameters()) {
    if (item.value().dim() == 1 && item.key().ends_with("weight")) item.value().mul_(2);
  }
  return cat;
}

double rms(const torch::Tensor& tensor) { return tensor.square().mean().sqrt().item<double>(); }

// What the laterals add to the pyramid, for pictures that are no noise.
std::array<double, 3> scales_of_laterals(Cat& cat) {
  const torch::NoGradGuard no_grad;
  cat->train();
  torch::manual_seed(5);
  const torch::Tensor coarse = torch::rand({6, 3, 6, 6});
  const torch::Tensor x_BCHW = torch::upsample_bilinear2d(coarse, {96, 96}, false);
  const Features s = cat->backbone().forward(x_BCHW);
  auto parameters = cat->named_parameters();
  const auto lateral = [&](const char* name, const torch::Tensor& map_BCHW) {
    return rms(torch::conv2d(map_BCHW, parameters[std::string("fpn.") + name + ".weight"]));
  };
  return {lateral("lateral3", s.s3_BCHW), lateral("lateral4", s.s4_BCHW),
          lateral("lateral5", s.s5_BCHW)};
}

TEST(CalibratePyramid, BringsEveryLevelToOneScale) {
  for (const char* backbone : {"tf_efficientnet_lite0", "resnet18"}) {
    Cat cat = uneven(backbone);
    const auto before = scales_of_laterals(cat);
    EXPECT_GT(std::ranges::max(before), 2) << backbone;
    calibrate_pyramid(*cat, 7);
    for (const double scale : scales_of_laterals(cat)) {
      EXPECT_GT(scale, 0.6) << backbone;
      EXPECT_LT(scale, 1.6) << backbone;
    }
  }
}

TEST(CalibratePyramid, ChangesTheLateralsAloneByTheSeedAlone) {
  Cat cat = uneven("resnet10_narrow");
  Cat same = uneven("resnet10_narrow");
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : state_dict(*cat)) before[name] = tensor.clone();
  calibrate_pyramid(*cat, 7);
  torch::manual_seed(99);
  calibrate_pyramid(*same, 7);
  const NamedTensors again = state_dict(*same);
  size_t i = 0;
  for (const auto& [name, tensor] : state_dict(*cat)) {
    EXPECT_TRUE(torch::equal(tensor, again[i++].second)) << name;
    const bool lateral = name.starts_with("fpn.lateral") && name.ends_with("weight");
    EXPECT_EQ(torch::equal(tensor, before.at(name)), !lateral) << name;
  }
}

TEST(CalibratePyramid, LeavesTheModeOfEveryLayer) {
  for (const bool freeze : {false, true}) {
    for (const bool training : {false, true}) {
      Cat cat = uneven("resnet10_narrow", freeze);
      cat->train(training);
      calibrate_pyramid(*cat, 7);
      EXPECT_EQ(cat->is_training(), training);
      for (const auto& module : cat->backbone().modules()) {
        if (module->as<torch::nn::BatchNorm2dImpl>() != nullptr) {
          EXPECT_EQ(module->is_training(), training && !freeze);
        }
      }
    }
  }
  CatOptions options;
  options.backbone.name = "resnet10_narrow";
  options.fpn.enabled = options.lrd_enabled = options.cla.enabled = false;
  Cat plain(options, 3);
  calibrate_pyramid(*plain, 7);  // has no pyramid
}

}  // namespace
}  // namespace catamaran
