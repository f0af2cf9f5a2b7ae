// Names of other sources' weight files.
#include "model/weight_names.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

const std::vector<int64_t> kLite0 = {1, 2, 2, 3, 3, 4, 1};

TEST(WeightNames, OfTheEfficientNetPackagesBecomeTimms) {
  const auto timm = [](const std::string& name) { return timm_name_of_efficientnet(name, kLite0); };
  EXPECT_EQ(timm("_conv_stem.weight"), "conv_stem.weight");
  EXPECT_EQ(timm("_bn0.running_var"), "bn1.running_var");
  EXPECT_EQ(timm("_conv_head.weight"), "conv_head.weight");
  EXPECT_EQ(timm("_bn1.num_batches_tracked"), "bn2.num_batches_tracked");
  EXPECT_EQ(timm("_blocks.0._depthwise_conv.weight"), "blocks.0.0.conv_dw.weight");
  EXPECT_EQ(timm("_blocks.0._bn2.bias"), "blocks.0.0.bn2.bias");
  EXPECT_EQ(timm("_blocks.0._project_conv.weight"), "blocks.0.0.conv_pw.weight");
  EXPECT_EQ(timm("_blocks.1._expand_conv.weight"), "blocks.1.0.conv_pw.weight");
  EXPECT_EQ(timm("_blocks.2._bn2.weight"), "blocks.1.1.bn3.weight");
  EXPECT_EQ(timm("_blocks.15._project_conv.weight"), "blocks.6.0.conv_pwl.weight");
}

TEST(WeightNames, OfTorchvisionsConvNextBecomeTimms) {
  EXPECT_EQ(timm_name_of_convnext("features.0.1.bias"), "stem.1.bias");
  EXPECT_EQ(timm_name_of_convnext("features.1.2.block.0.weight"),
            "stages.0.blocks.2.conv_dw.weight");
  EXPECT_EQ(timm_name_of_convnext("features.4.1.weight"), "stages.2.downsample.1.weight");
  EXPECT_EQ(timm_name_of_convnext("features.5.8.block.5.bias"), "stages.2.blocks.8.mlp.fc2.bias");
  EXPECT_EQ(timm_name_of_convnext("features.7.0.layer_scale"), "stages.3.blocks.0.gamma");
}

TEST(WeightNames, ThatAreOfNoKnownSourceStayAsTheyAre) {
  for (const char* name : {"conv_stem.weight", "blocks.0.0.bn1.weight", "", "_blocks.",
                           "_blocks.x._bn0.bias", "_blocks.16._bn0.bias", "_blocks.-1._bn0.bias",
                           "_blocks.3._se.weight", "_blocks.99999999999999999999._bn0.bias"})
    EXPECT_EQ(timm_name_of_efficientnet(name, kLite0), name);
  for (const char* name :
       {"stages.0.blocks.0.gamma", "features.", "features.8.0.weight",
        "features.1.x.block.0.weight", "features.1.0.block.1.weight", "classifier.0.weight"})
    EXPECT_EQ(timm_name_of_convnext(name), name);
}

}  // namespace
}  // namespace catamaran
