// Backbones against timm: same weights, same input, features within 1e-4.
#include <gtest/gtest.h>

#include "golden.h"
#include "model/resnet.h"
#include "model/weights.h"

namespace catamaran {
namespace {

class BackboneEqualsTimm : public testing::TestWithParam<std::string> {};

TEST_P(BackboneEqualsTimm, InFeaturesAndLoadsEveryTensor) {
  const torch::NoGradGuard no_grad;
  const Golden golden(GetParam());
  CatOptions options;
  options.backbone.name = GetParam();
  options.attention.dim = 32;
  Cat cat(options, 1);
  const Coverage coverage = load_backbone(*cat, golden.weights_file);
  EXPECT_TRUE(coverage.complete()) << coverage.table();
  EXPECT_TRUE(coverage.unexpected.empty()) << coverage.table();
  EXPECT_DOUBLE_EQ(coverage.ratio(), 1.0);

  ResNet backbone(GetParam());
  std::map<std::string, torch::Tensor> tensors = read_safetensors(golden.weights_file).tensors;
  EXPECT_TRUE(load_state(*backbone, tensors).complete());
  backbone->eval();
  const ResNetFeatures s = backbone->forward(golden.input.at("x"));
  EXPECT_LT(largest_difference(s.s3_BCHW, golden.expected.at("s3")), 1e-4);
  EXPECT_LT(largest_difference(s.s4_BCHW, golden.expected.at("s4")), 1e-4);
  EXPECT_LT(largest_difference(s.s5_BCHW, golden.expected.at("s5")), 1e-4);
  // The comparison can fail: another input gives other features.
  EXPECT_GT(largest_difference(backbone->forward(golden.input.at("x") * 1.01).s5_BCHW,
                               golden.expected.at("s5")),
            1e-4);
}

INSTANTIATE_TEST_SUITE_P(All, BackboneEqualsTimm,
                         testing::Values("resnet18", "resnet50", "resnet101", "resnext50_32x4d"));

TEST(Backbone, ResNeXt50HasTheCensusOfTheSwslFile) {
  ResNet backbone("resnext50_32x4d");
  int64_t values = 0;
  for (const torch::Tensor& parameter : backbone->parameters()) values += parameter.numel();
  EXPECT_EQ(values, 22'979'904);
  int64_t counters = 0;
  const NamedTensors state = state_dict(*backbone);
  for (const auto& [name, tensor] : state)
    counters += name.ends_with("num_batches_tracked") ? 1 : 0;
  EXPECT_EQ(static_cast<int64_t>(state.size()) + 2, 320);  // + fc.weight, fc.bias
  EXPECT_EQ(static_cast<int64_t>(state.size()) - counters + 2, 267);
}

TEST(Backbone, AcceptsFilesWithoutBatchCountersAndSaysWhatIsMissing) {
  const Golden golden("resnet18");
  std::map<std::string, torch::Tensor> tensors = read_safetensors(golden.weights_file).tensors;
  std::erase_if(tensors,
                [](const auto& item) { return item.first.ends_with("num_batches_tracked"); });
  ResNet backbone("resnet18");
  EXPECT_TRUE(load_state(*backbone, tensors).complete());
  tensors.erase("layer3.0.conv1.weight");
  tensors["layer1.0.bn1.weight"] = torch::zeros({3});
  const torch::Tensor before = backbone->named_parameters()["conv1.weight"].clone();
  tensors["conv1.weight"] = torch::zeros_like(before);
  const Coverage coverage = load_state(*backbone, tensors);
  EXPECT_FALSE(coverage.complete());
  EXPECT_EQ(coverage.missing, std::vector<std::string>{"layer3.0.conv1.weight"});
  ASSERT_EQ(coverage.shape_mismatch.size(), 1u);
  EXPECT_NE(coverage.shape_mismatch[0].find("layer1.0.bn1.weight"), std::string::npos);
  EXPECT_EQ(largest_difference(before, backbone->named_parameters()["conv1.weight"]),
            0);  // nothing was copied
}

TEST(Backbone, RefusesAnUnknownNameAndListsTheKnownOnes) {
  try {
    ResNet backbone("resnet34");
    FAIL();
  } catch (const std::exception& problem) {
    EXPECT_NE(std::string(problem.what()).find("resnext50_32x4d"), std::string::npos);
  }
}

}  // namespace
}  // namespace catamaran
