// Folding, freezing and initialising, for every backbone of the registry.
#include "model/fold_batch_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>

#include "golden.h"
#include "model/losses.h"
#include "model/pack_weights.h"
#include "model/weights.h"
#include "small_options.h"
#include "wide_heads.h"

namespace catamaran {
namespace {

constexpr std::string_view kPlain = "_without_pyramid";

// Every backbone, and those that go on past their last stage there once more.
std::vector<std::string> with_and_without_pyramid() {
  std::vector<std::string> names = backbone_names();
  names.push_back("tf_efficientnet_lite0" + std::string(kPlain));
  return names;
}

CatOptions options_of(const std::string& name) {
  CatOptions options = small_options();
  options.backbone.name = name.substr(0, name.find(kPlain));
  if (name.ends_with(kPlain))
    options.fpn.enabled = options.lrd_enabled = options.cla.enabled = false;
  return options;
}

// Batch norms with statistics and weights that are not neutral, as after training.
void roughen(CatImpl& cat) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  for (const auto& module : cat.modules()) {
    if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) {
      norm->weight.uniform_(0.6, 1.0);
      norm->bias.normal_(0, 0.1);
      norm->running_mean.normal_(0, 0.1);
      norm->running_var.uniform_(0.5, 1.5);
    }
  }
}

// Ready for inference, with logits of order one.
Cat trained_cat(const std::string& backbone, int64_t labels) {
  Cat cat(options_of(backbone), labels);
  initialise(*cat, 1);
  roughen(*cat);
  widen_heads(*cat);
  cat->eval();
  return cat;
}

int64_t batch_norms(torch::nn::Module& module) {
  const auto modules = module.modules();
  return std::ranges::count_if(modules, [](const auto& each) {
    return each->template as<torch::nn::BatchNorm2dImpl>() != nullptr;
  });
}

class EveryBackbone : public testing::TestWithParam<std::string> {};

TEST_P(EveryBackbone, GivesTheSameLogitsPreparedForInference) {
  const torch::NoGradGuard no_grad;
  Cat cat = trained_cat(GetParam(), 5);
  const torch::Tensor x = torch::randn({2, 3, 72, 64});
  const torch::Tensor other_x = torch::randn({1, 3, 97, 128});
  const torch::Tensor before = cat->forward(x).yhat_BL;
  const torch::Tensor before_of_other = cat->forward(other_x).yhat_BL;
  const int64_t norms = batch_norms(*cat);
  EXPECT_EQ(fold_batch_norm(*cat), norms);
  EXPECT_EQ(batch_norms(*cat), 0);
  pack_weights(*cat);
  const double scale = before.abs().max().item<double>();
  EXPECT_LT(largest_difference(cat->forward(x).yhat_BL, before), 1e-4 * scale);
  // The order of the weights was chosen for that size; another one may come.
  EXPECT_LT(largest_difference(cat->forward(other_x).yhat_BL, before_of_other), 1e-4 * scale);
  {
    const at::AutoGradMode with_gradients(true);  // then the steps run one by one, not fused
    EXPECT_LT(largest_difference(cat->forward(x).yhat_BL.detach(), before), 1e-4 * scale);
  }
  // The comparison can fail: a bias that is wrong by a percent shows.
  for (const auto& item : cat->backbone().named_parameters()) {
    if (norms > 0 && item.key().ends_with("bias")) item.value().mul_(1.01);
  }
  if (norms > 0) {
    EXPECT_GT(largest_difference(cat->forward(x).yhat_BL, before), 1e-4 * scale);
  }
}

// What predict and explain run: fused convolutions choose their kernels by the batch.
TEST_P(EveryBackbone, GivesAnImageTheSameLogitsInAnyBatchPreparedForInference) {
  const torch::NoGradGuard no_grad;
  Cat cat = trained_cat(GetParam(), 5);
  fold_batch_norm(*cat);
  pack_weights(*cat);
  const torch::Tensor x = torch::randn({5, 3, 64, 64});
  const torch::Tensor all = cat->forward(x).yhat_BL;
  const double scale = all.abs().max().item<double>();
  for (const auto& [from, to] : {std::pair{0, 1}, {4, 5}, {1, 4}}) {
    const torch::Tensor part = cat->forward(x.slice(0, from, to)).yhat_BL;
    EXPECT_LT(largest_difference(part, all.slice(0, from, to)), 1e-5 * scale) << from;
  }
}

TEST_P(EveryBackbone, IsNotSavedNorTrainedWithFoldedBatchNorm) {
  Cat cat(options_of(GetParam()), 2);
  EXPECT_THROW(fold_batch_norm(*cat), std::logic_error);  // in training mode
  cat->eval();
  if (fold_batch_norm(*cat) == 0) return;  // without batch norm the model is what it was
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / "folded.safetensors";
  std::filesystem::remove(file);
  EXPECT_THROW(save_model(file, state_dict(*cat), cat->options(), {"a", "b"}), std::logic_error);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_THROW(cat->train(), std::logic_error);
  EXPECT_THROW(fold_batch_norm(*cat), std::logic_error);  // again
}

TEST_P(EveryBackbone, KeepsFrozenBatchNormAndTrainsTheRest) {
  CatOptions options = options_of(GetParam());
  options.backbone.bn = "frozen";
  Cat cat(options, 3);
  initialise(*cat, 1);
  cat->train();
  std::vector<torch::Tensor> before;
  for (const torch::Tensor& buffer : cat->buffers()) before.push_back(buffer.clone());
  bce_with_ignore(cat->forward(torch::randn({2, 3, 64, 64})).yhat_BL,
                  torch::ones({2, 3}, torch::kInt8))
      .sum.backward();
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(torch::equal(before[i], cat->buffers()[i]));
  int64_t fixed = 0;
  for (const auto& item : cat->named_parameters()) {
    if (item.value().requires_grad()) {
      EXPECT_TRUE(item.value().grad().defined()) << item.key();
    } else if (item.key() != "alpha") {  // a single head's, which is 1
      ++fixed;
    }
  }
  EXPECT_EQ(fixed, 2 * batch_norms(*cat));
}

TEST_P(EveryBackbone, IsInitialisedByTheSeedAlone) {
  Cat a(options_of(GetParam()), 2);
  torch::manual_seed(99);
  Cat b(options_of(GetParam()), 2);
  {
    const torch::NoGradGuard no_grad;  // whatever the model held before
    for (const torch::Tensor& parameter : b->backbone().parameters()) parameter.detach().fill_(7);
  }
  initialise(*a, 4);
  initialise(*b, 4);
  for (const auto& item : a->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), b->named_parameters()[item.key()])) << item.key();
}

INSTANTIATE_TEST_SUITE_P(All, EveryBackbone, testing::ValuesIn(with_and_without_pyramid()),
                         [](const auto& info) { return info.param; });

double spread(CatImpl& cat, const std::string& name) {
  return cat.named_parameters()["backbone." + name].std().item<double>();
}

TEST(Initialise, FollowsThePublishedRuleOfEachKind) {
  Cat convnext(options_of("convnext_tiny"), 2);
  initialise(*convnext, 1);
  EXPECT_NEAR(spread(*convnext, "stages.2.blocks.0.mlp.fc1.weight"), 0.02, 2e-4);
  EXPECT_NEAR(spread(*convnext, "stages.3.downsample.1.weight"), 0.02, 2e-4);
  EXPECT_EQ(spread(*convnext, "stages.2.blocks.0.mlp.fc1.bias"), 0);
  const torch::Tensor gamma = convnext->named_parameters()["backbone.stages.1.blocks.2.gamma"];
  EXPECT_TRUE(torch::equal(gamma, torch::full({192}, 1e-6)));
  EXPECT_EQ(gamma.dim(), 1);  // so the optimizers do not decay it

  Cat lite(options_of("tf_efficientnet_lite0"), 2);
  initialise(*lite, 1);
  // Depthwise 5x5: a channel's fan-out is 25, not 25 times the channels.
  EXPECT_NEAR(spread(*lite, "blocks.5.1.conv_dw.weight"), std::sqrt(2.0 / 25), 5e-3);

  Cat plain(options_of("tf_efficientnet_lite0" + std::string(kPlain)), 2);
  initialise(*plain, 1);
  EXPECT_NEAR(spread(*plain, "conv_head.weight"), std::sqrt(2.0 / 1280), 2e-4);
}

}  // namespace
}  // namespace catamaran
