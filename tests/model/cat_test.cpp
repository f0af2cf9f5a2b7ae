// CAT against an independent PyTorch implementation (scripts/cat_pytorch.py), and the properties
// the paper claims.
#include "model/cat.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "golden.h"
#include "model/losses.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "small_options.h"
#include "support/error.h"
#include "wide_heads.h"

namespace catamaran {
namespace {

std::vector<std::string> cases() {
  std::vector<std::string> names;
  std::ifstream file(golden_folder() / "cases.txt");
  for (std::string name; std::getline(file, name);) names.push_back(name);
  return names;
}

TEST(Cat, EqualsTheReferenceInLogitsLossAndEveryGradientUnderEverySwitch) {
  const std::vector<std::string> names = cases();
  ASSERT_GE(names.size(), 32u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Golden golden(name);
    std::vector<std::string> classes;
    Cat cat = load_model(golden.weights_file, classes);
    EXPECT_EQ(classes.size(), 5u);
    cat->train();
    for (const auto& module : cat->modules()) {
      if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) norm->eval();
    }
    const CatOutput out = cat->forward(golden.input.at("x"));
    EXPECT_LT(largest_difference(out.yhat_BL, golden.expected.at("logits")), 1e-4);
    const LossSum loss = bce_with_ignore(out.yhat_BL, golden.input.at("labels"));
    EXPECT_NEAR(loss.sum.item<double>(), golden.expected.at("loss").item<double>(), 1e-4);
    EXPECT_EQ(loss.count.item<double>(), 8);  // of 10 labels, 2 are ignored
    loss.sum.backward();
    int64_t compared = 0;
    for (const auto& item : cat->named_parameters()) {
      const auto wanted = golden.expected.find("grad." + item.key());
      if (wanted == golden.expected.end()) continue;
      const double scale = std::max(1.0, wanted->second.abs().max().item<double>());
      EXPECT_LT(largest_difference(item.value().grad(), wanted->second), 2e-4 * scale)
          << item.key();
      ++compared;
    }
    const auto gradients = std::ranges::count_if(
        golden.expected, [](const auto& entry) { return entry.first.starts_with("grad."); });
    EXPECT_EQ(compared, gradients);
    EXPECT_GT(gradients, 20);
  }
}

int64_t trained_values(const CatOptions& options) {
  Cat cat(options, 80);
  int64_t values = 0;
  for (const torch::Tensor& parameter : cat->parameters()) values += parameter.numel();
  return values;
}

TEST(Cat, HasThePublishedSizesOfTheAblations) {
  CatOptions options;  // ResNeXt50, d = 512
  EXPECT_NEAR(static_cast<double>(trained_values(options)) * 1e-6, 39.11, 0.02);
  CatOptions without_lrd = options;
  without_lrd.lrd_enabled = false;
  EXPECT_NEAR(static_cast<double>(trained_values(without_lrd)) * 1e-6, 35.96, 0.02);
  CatOptions without_clf = options;
  without_clf.cla.enabled = false;
  EXPECT_NEAR(static_cast<double>(trained_values(without_clf)) * 1e-6, 32.81, 0.02);
  CatOptions backbone_fpn = without_clf;
  backbone_fpn.lrd_enabled = false;
  EXPECT_NEAR(static_cast<double>(trained_values(backbone_fpn)) * 1e-6, 29.66, 0.02);
  CatOptions backbone = backbone_fpn;
  backbone.fpn.enabled = false;
  EXPECT_NEAR(static_cast<double>(trained_values(backbone)) * 1e-6, 23.14, 0.02);
}

TEST(Cat, LogitsOfAnImageDoNotDependOnItsBatchMates) {
  const torch::NoGradGuard no_grad;
  double worst = 0;
  for (const char* pool : {"mean", "max", "topk", "csra"}) {
    for (const bool fpn : {true, false}) {
      SCOPED_TRACE(std::string(pool) + (fpn ? "" : ", backbone"));
      CatOptions options = small_options();
      options.head.pool = pool;
      options.fpn.enabled = options.lrd_enabled = options.cla.enabled = fpn;
      Cat cat(options, 7);
      initialise(*cat, 1);
      widen_heads(*cat);
      cat->eval();
      const torch::Tensor x = torch::randn({8, 3, 64, 64});
      const torch::Tensor all = cat->forward(x).yhat_BL;
      const auto compare = [&](int64_t from, int64_t to) {
        const torch::Tensor part = cat->forward(x.slice(0, from, to)).yhat_BL;
        worst = std::max(worst, largest_difference(part, all.slice(0, from, to)));
      };
      for (int64_t image = 0; image < 8; ++image) compare(image, image + 1);
      compare(0, 3);
      compare(5, 8);
      // Other mates in a batch of the same size: the same kernels, so the same bits.
      torch::Tensor mates = torch::randn({8, 3, 64, 64}) * 5;
      mates[2] = x[2];
      EXPECT_TRUE(torch::equal(cat->forward(mates).yhat_BL[2], all[2]));
    }
  }
  // Batches of other sizes may take kernels that add in another order.
  EXPECT_LT(worst, 5e-6);
  RecordProperty("largest_difference", std::to_string(worst));
  std::printf("largest difference between batch sizes 1, 3 and 8: %g\n", worst);
}

TEST(Cat, MeanPooledClassMapsAverageToTheLogit) {
  const torch::NoGradGuard no_grad;
  Cat cat(small_options(), 7);
  initialise(*cat, 1);
  widen_heads(*cat);
  cat->eval();
  const torch::Tensor x = torch::randn({2, 3, 64, 64});
  const CatOutput out = cat->forward(x, /*with_class_maps=*/true);
  ASSERT_EQ(out.class_maps_BLHW.size(), 3u);
  EXPECT_LT(largest_difference(out.yhat_BL, cat->forward(x).yhat_BL), 1e-5);
  torch::Tensor means = torch::zeros({7});
  for (size_t h = 0; h < 3; ++h)
    means += out.class_maps_BLHW[h][1].mean({1, 2}) * cat->fusion_weights()[h];
  EXPECT_LT(largest_difference(means, out.yhat_BL[1]), 1e-5);
}

TEST(Cat, InitialisationIsAFunctionOfTheSeedAlone) {
  Cat a(small_options(), 3);
  torch::manual_seed(99);
  Cat b(small_options(), 3);
  initialise(*a, 4);
  torch::randn({100});
  initialise(*b, 4);
  for (const auto& item : a->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), b->named_parameters()[item.key()])) << item.key();
  initialise(*b, 5);
  EXPECT_FALSE(torch::equal(a->named_parameters()["fpn.topdown5.weight"],
                            b->named_parameters()["fpn.topdown5.weight"]));
  for (const double weight : a->fusion_weights()) EXPECT_NEAR(weight, 1.0 / 3, 1e-7);
}

TEST(Cat, EveryLabelStartsNearTheProbabilityOfARareOne) {
  const torch::NoGradGuard no_grad;
  for (const char* pool : {"mean", "max", "topk", "csra"}) {
    for (const bool attention : {true, false}) {
      SCOPED_TRACE(std::string(pool) + (attention ? "" : ", backbone and pyramid"));
      CatOptions options = small_options();
      options.head.pool = pool;
      options.lrd_enabled = options.cla.enabled = attention;
      Cat cat(options, 7);
      initialise(*cat, 1);
      for (const auto& item : cat->named_parameters()) {
        if (!item.key().ends_with("fc.bias")) continue;
        const torch::Tensor p_L = item.value().sigmoid();
        EXPECT_NEAR(p_L.min().item<double>(), 0.01, 1e-6) << item.key();
        EXPECT_NEAR(p_L.max().item<double>(), 0.01, 1e-6) << item.key();
      }
      const torch::Tensor logit_BL = cat->forward(torch::randn({4, 3, 64, 64})).yhat_BL;
      const double p = logit_BL.mean().sigmoid().item<double>();
      const bool largest = options.head.pool == "max" || options.head.pool == "topk";
      EXPECT_GT(p, 0.003);                   // csra counts the bias 1.2 times
      EXPECT_LT(p, largest ? 0.25 : 0.015);  // the largest of noise lie above its mean
    }
  }
}

TEST(Cat, FrozenBatchNormKeepsItsStatisticsAndHasNoGradient) {
  CatOptions options = small_options();
  options.backbone.bn = "frozen";
  Cat cat(options, 3);
  initialise(*cat, 1);
  cat->train();
  const torch::Tensor before = cat->named_buffers()["backbone.bn1.running_mean"].clone();
  bce_with_ignore(cat->forward(torch::randn({2, 3, 64, 64})).yhat_BL,
                  torch::ones({2, 3}, torch::kInt8))
      .sum.backward();
  EXPECT_TRUE(torch::equal(before, cat->named_buffers()["backbone.bn1.running_mean"]));
  EXPECT_FALSE(cat->named_parameters()["backbone.bn1.weight"].grad().defined());
  EXPECT_TRUE(cat->named_parameters()["backbone.conv1.weight"].grad().defined());
}

TEST(Loss, PartsAddUpToTheWholeAndIgnoredLabelsContributeNothing) {
  const torch::Tensor z = torch::randn({6, 4});
  torch::Tensor y = torch::randint(-1, 2, {6, 4}).to(torch::kInt8);
  const LossSum whole = bce_with_ignore(z, y);
  const LossSum first = bce_with_ignore(z.slice(0, 0, 2), y.slice(0, 0, 2));
  const LossSum rest = bce_with_ignore(z.slice(0, 2, 6), y.slice(0, 2, 6));
  EXPECT_NEAR(whole.sum.item<double>(), first.sum.item<double>() + rest.sum.item<double>(), 1e-5);
  EXPECT_EQ(whole.count.item<double>(), first.count.item<double>() + rest.count.item<double>());
  torch::Tensor moved = z.clone();
  moved.masked_fill_(y.eq(0), 50);
  EXPECT_NEAR(bce_with_ignore(moved, y).sum.item<double>(), whole.sum.item<double>(), 1e-5);
}

// The keys of all problems, in order.
std::vector<std::string> refused_keys(const CatOptions& options) {
  std::vector<std::string> keys;
  for (const std::string& problem : options.problems())
    keys.push_back(problem.substr(0, problem.find(':')));
  return keys;
}

TEST(CatOptionsCheck, NamesTheKeyOfAnImpossibleValue) {
  CatOptions options = small_options();
  options.attention.heads = 5;
  EXPECT_EQ(refused_keys(options), std::vector<std::string>{"model.attention.heads"});
  EXPECT_THROW(options.check(), UsageError);
}

TEST(CatOptionsCheck, RefusesPartsThatWouldNotBeBuiltWithoutAPyramid) {
  CatOptions options = small_options();
  options.fpn.enabled = false;
  EXPECT_EQ(refused_keys(options),
            (std::vector<std::string>{"model.lrd.enabled", "model.cla.enabled"}));
  options.lrd_enabled = false;
  EXPECT_EQ(refused_keys(options), std::vector<std::string>{"model.cla.enabled"});
  options.cla.enabled = false;
  EXPECT_TRUE(refused_keys(options).empty());
}

TEST(CatOptionsCheck, RefusesMoreTokensForTopkThanTheHighestLevelHasAndNamesBoth) {
  CatOptions options = small_options();
  options.head.pool = "topk";
  options.input.size = 65;  // P5 is 3 x 3 with ResNet-18, 5 x 5 with the narrow one
  options.head.topk = 25;
  EXPECT_TRUE(refused_keys(options).empty());
  options.backbone.name = "resnet18";
  options.head.topk = 9;
  EXPECT_TRUE(refused_keys(options).empty());
  const torch::NoGradGuard no_grad;
  Cat cat(options, 2);
  EXPECT_EQ(cat->forward(torch::zeros({1, 3, 65, 65})).yhat_BL.size(1), 2);
  options.head.topk = 10;
  try {
    options.check();
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_NE(std::string(problem.what()).find("model.head.topk: 10 is more than the 9 tokens"),
              std::string::npos)
        << problem.what();
  }
}

// Followed before any tensor is compared, such a description would allocate terabytes.
TEST(LoadModel, RefusesADescriptionThatDemandsMoreThanAnyFileHolds) {
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / "greedy.safetensors";
  const auto load = [&](const std::string& model, size_t labels) {
    std::string classes = "[";
    for (size_t l = 0; l < labels; ++l)
      classes += (l == 0 ? "\"" : ",\"") + std::to_string(l) + "\"";
    write_safetensors(file, {{"w", torch::zeros({1})}},
                      {{"catamaran.classes", classes + "]"}, {"catamaran.model", model}});
    std::vector<std::string> read;
    return load_model(file, read);
  };
  CatOptions wide = small_options();
  wide.attention.dim = int64_t{1} << 20;
  EXPECT_THROW(load(to_json(wide), 2), WeightsError);
  EXPECT_THROW(load(to_json(small_options()), 70'000), WeightsError);
  EXPECT_THROW(load(to_json(small_options()), 2), WeightsError) << "w is no tensor of the model";
  std::filesystem::remove(file);
}

TEST(CatOptionsJson, ReadsBackWhatItWroteAndRefusesUnknownKeys) {
  CatOptions options = small_options();
  options.cla.query = "upsampled";
  options.head.csra_lambda = 0.3;
  EXPECT_EQ(to_json(cat_options_from_json(to_json(options), "here")), to_json(options));
  std::string more = to_json(options);
  more.insert(1, "\"fpn.colour\":1,");
  EXPECT_THROW(cat_options_from_json(more, "here"), WeightsError);
}

TEST(CatOptionsJson, TakesTheOldNameOfFrozenBatchNormFromFilesOfBefore) {
  std::string text = to_json(small_options());
  const std::string now = "\"backbone.bn\":\"local\"";
  const size_t at = text.find(now);
  ASSERT_NE(at, std::string::npos);
  for (const auto& [old, bn] : {std::pair("true", "frozen"), {"false", "local"}}) {
    std::string before = text;
    before.replace(at, now.size(), std::string("\"backbone.freeze_bn\":") + old);
    EXPECT_EQ(cat_options_from_json(before, "here").backbone.bn, bn);
  }
  std::string both = text;
  both.insert(1, "\"backbone.freeze_bn\":true,");
  EXPECT_THROW(cat_options_from_json(both, "here"), WeightsError);
}

}  // namespace
}  // namespace catamaran
