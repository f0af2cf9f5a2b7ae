// The whole model against an independent one that is written from the paper's equations
// (tests/reference/paper_cat.py): same safetensors, same input; logits to 1e-4, the gradient of
// every parameter to 1e-3 of that tensor's scale. Every ablation row at 224, 240, 288 and 448
// pixels with the narrow ResNet and d = 64, every other switch at 240, and rows at ResNeXt50 and
// d = 512.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "golden.h"
#include "model/losses.h"
#include "model/weights.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr double kLogitTolerance = 1e-4;
constexpr double kGradientTolerance = 1e-3;
// A tensor whose gradient is zero in exact arithmetic (the bias of the keys) has only rounding in
// it; its scale is not below this share of the largest gradient.
constexpr double kLeastScale = 1e-4;

double scale_of(const torch::Tensor& tensor) { return tensor.abs().max().item<double>(); }

Cat load(const Golden& golden) {
  std::vector<std::string> classes;
  Cat cat = load_model(golden.weights_file, classes);
  cat->eval();
  return cat;
}

torch::Tensor gradients_of_the_loss(Cat& cat, const Golden& golden) {
  const torch::Tensor logits_BL = cat->forward(golden.input.at("x")).yhat_BL;
  const LossSum loss = bce_with_ignore(logits_BL, golden.input.at("y"));
  (loss.sum / loss.count).backward();
  EXPECT_NEAR((loss.sum / loss.count).item<double>(), golden.expected.at("loss").item<double>(),
              kLogitTolerance);
  return logits_BL.detach();
}

void expect_equal_gradients(Cat& cat, const Golden& golden) {
  double largest = 0;
  size_t wanted = 0;
  for (const auto& [name, tensor] : golden.expected) {
    if (!name.starts_with("grad.")) continue;
    largest = std::max(largest, scale_of(tensor));
    ++wanted;
  }
  ASSERT_EQ(cat->named_parameters().size(), wanted);
  for (const auto& item : cat->named_parameters()) {
    const auto expected = golden.expected.find("grad." + item.key());
    ASSERT_NE(expected, golden.expected.end()) << item.key();
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    const double scale = std::max(scale_of(expected->second), kLeastScale * largest);
    EXPECT_LT(largest_difference(item.value().grad(), expected->second) / scale, kGradientTolerance)
        << item.key() << " of scale " << scale << ", largest " << largest;
  }
}

void expect_parity(const std::string& name) {
  const Golden golden(name);
  Cat cat = load(golden);
  const torch::Tensor logits_BL = gradients_of_the_loss(cat, golden);
  EXPECT_LT(largest_difference(logits_BL, golden.expected.at("logits")), kLogitTolerance);
  expect_equal_gradients(cat, golden);
}

class SmallCat : public testing::TestWithParam<std::string> {};

TEST_P(SmallCat, EqualsThePapersEquationsInLogitsAndGradients) { expect_parity(GetParam()); }

std::vector<std::string> small_cases() {
  std::vector<std::string> names;
  for (const std::string row : {"cat", "no_lrd", "no_pma", "no_clf", "backbone_fpn", "backbone",
                                "upsampled", "upsampled_no_pma"}) {
    for (const int size : {224, 240, 288, 448}) names.push_back(row + "-" + std::to_string(size));
  }
  for (const std::string changed :
       {"upsample_then_conv", "deconv", "shared_conv", "strides_3_5", "no_residual", "pre_norm",
        "sine2d", "sine2d_upsampled_pre_norm", "pool_max", "pool_topk", "pool_csra"}) {
    names.push_back(changed + "-240");
  }
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, SmallCat, testing::ValuesIn(small_cases()), test_name);

// The files of one case at full size are 300 MB: they are made here and removed after the test.
class LargeCat : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const char* python = std::getenv("CATAMARAN_PYTHON");
    const fs::path script = fs::path(__FILE__).parent_path().parent_path() / "golden/parity.py";
    const std::string command = std::string(python == nullptr ? "build/venv/bin/python" : python) +
                                " " + script.string() + " " + golden_folder().string() + " " +
                                GetParam();
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  void TearDown() override {
    for (const char* part : {".weights", ".input", ".expected"})
      fs::remove(golden_folder() / (GetParam() + part + ".safetensors"));
  }
};

TEST_P(LargeCat, EqualsThePapersEquationsInLogitsAndGradients) { expect_parity(GetParam()); }

INSTANTIATE_TEST_SUITE_P(ResNeXt50, LargeCat,
                         testing::Values("large-cat-448", "large-no_clf-224",
                                         "large-upsampled_no_pma-240", "large-backbone-288"),
                         test_name);

torch::Tensor logits_of(const std::string& name) {
  const torch::NoGradGuard no_grad;
  const Golden golden(name);
  return load(golden)->forward(golden.input.at("x")).yhat_BL;
}

TEST(UpsampledQueries, DifferFromTheUpperLevelsAt240PixelsAndOnlyThere) {
  for (const std::string pma : {"", "_no_pma"}) {
    const std::string upper = pma.empty() ? "cat" : "no_pma";
    EXPECT_GT(largest_difference(logits_of(upper + "-240"), logits_of("upsampled" + pma + "-240")),
              10 * kLogitTolerance);
    for (const std::string size : {"-224", "-288", "-448"}) {
      EXPECT_LT(largest_difference(logits_of(upper + size), logits_of("upsampled" + pma + size)),
                kLogitTolerance / 10);
    }
  }
}

TEST(Parity, SeesASmallChangeOfOneWeight) {
  const Golden golden("cat-240");
  Cat cat = load(golden);
  {
    const torch::NoGradGuard no_grad;
    cat->named_parameters()["cla3.attention.q.weight"].mul_(1.01);
  }
  const torch::Tensor logits_BL = gradients_of_the_loss(cat, golden);
  const torch::Tensor& expected = golden.expected.at("grad.cla3.attention.v.weight");
  const torch::Tensor gradient = cat->named_parameters()["cla3.attention.v.weight"].grad();
  EXPECT_GT(largest_difference(gradient, expected) / scale_of(expected), kGradientTolerance);
}

}  // namespace
}  // namespace catamaran
