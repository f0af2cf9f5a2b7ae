// Clipping against PyTorch's and timm's, which tests/golden/trainer.py ran.
#include "trainer/gradient_clip.h"

#include <gtest/gtest.h>

#include "golden_file.h"
#include "trainer/flat_updates.h"

namespace catamaran {
namespace {

class GradientClip : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [name, tensor] : golden_.tensors) {
      if (!name.starts_with("start/")) continue;
      torch::Tensor weight = tensor;
      if (weight.dim() == 4) weight = weight.contiguous(at::MemoryFormat::ChannelsLast);
      weights_.emplace_back(name.substr(6), weight);
      gradients_.push_back(golden_.tensors.at("gradient/" + name.substr(6))[0].clone());
    }
  }
  void expect(const std::string& what) const {
    for (size_t i = 0; i < weights_.size(); ++i) {
      const torch::Tensor& wanted = golden_.tensors.at(what + "/" + weights_[i].first);
      EXPECT_LT((gradients_[i] - wanted).abs().max().item<double>(), 1e-7) << weights_[i].first;
    }
  }

  TensorFile golden_ = read_safetensors(golden_path("clipped.safetensors"));
  NamedTensors weights_;
  std::vector<torch::Tensor> gradients_;
};

TEST_F(GradientClip, AdaptiveEqualsTimmAndLeavesHeadsAlone) {
  AdaptiveClip(weights_, gradients_, 0.3).clip(1);
  expect("agc");
}

TEST_F(GradientClip, AdaptiveClipsAsIfGradientsHadTheirFactor) {
  for (torch::Tensor& gradient : gradients_) gradient.mul_(8);
  AdaptiveClip(weights_, gradients_, 0.3).clip(0.125);
  for (torch::Tensor& gradient : gradients_) gradient.mul_(0.125);
  expect("agc");
}

TEST_F(GradientClip, ByNormEqualsPyTorch) {
  double squares = 0;
  for (const torch::Tensor& gradient : gradients_)
    squares += std::pow(flat_norm(gradient.flatten()), 2);
  for (torch::Tensor& gradient : gradients_) gradient.mul_(norm_clip_factor(std::sqrt(squares), 2));
  expect("norm");
}

TEST(NormClipFactor, LeavesSmallGradientsAndThoseWithoutABoundAsTheyAre) {
  EXPECT_EQ(norm_clip_factor(5, 0), 1);
  EXPECT_EQ(norm_clip_factor(0.5, 1), 1);
  EXPECT_NEAR(norm_clip_factor(4, 1), 0.25, 1e-6);
}

}  // namespace
}  // namespace catamaran
