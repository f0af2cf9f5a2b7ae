// Packed layers: the same logits, by oneDNN's operators, for as long as the weights are the same.
#include "model/pack_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "golden.h"
#include "model/autocast.h"
#include "model/fold_batch_norm.h"
#include "model/packed_convolution.h"
#include "model_cases.h"
#include "operator_calls.h"
#include "small_options.h"
#include "wide_heads.h"

namespace catamaran {
namespace {

constexpr const char* kLinear = "mkldnn::_linear_pointwise";
constexpr const char* kConvolution = "mkldnn::_convolution_pointwise";
constexpr const char* kPlainLinear = "aten::linear";
constexpr const char* kPlainConvolution = "aten::conv2d";

// Ready for inference but not prepared for it, with logits of order one.
Cat eval_cat(const CatOptions& options) {
  Cat cat(options, 5);
  initialise(*cat, 1);
  widen_heads(*cat);
  cat->eval();
  return cat;
}

// As predict runs it.
Cat prepared_cat() {
  Cat cat = eval_cat(small_options());
  fold_batch_norm(*cat);
  pack_weights(*cat);
  return cat;
}

void expect_close(const torch::Tensor& got, const torch::Tensor& wanted, const std::string& what) {
  EXPECT_LT(largest_difference(got, wanted), 1e-5 * wanted.abs().max().item<double>()) << what;
}

// The same network in fp64: how far fp32 is from it tells what rounding does to this network on
// this processor, whose instructions decide the order of sums.
torch::Tensor exact_logits(CatImpl& cat, const torch::Tensor& x) {
  cat.to(torch::kFloat64);
  torch::Tensor exact = cat.forward(x.to(torch::kFloat64)).yhat_BL;
  cat.to(torch::kFloat32);
  return exact;
}

TEST(PackWeights, GivesTheSameLogitsUnderEverySwitch) {
  const torch::NoGradGuard no_grad;
  for (const Case& each : cases()) {
    Cat cat = eval_cat(options_with(each.change));
    std::vector<std::pair<torch::Tensor, torch::Tensor>> pictures;
    double rounding = 0;
    for (const auto& [images, height, width] : {std::tuple{3, 64, 64}, {1, 96, 64}}) {
      const torch::Tensor x = torch::randn({images, 3, height, width});
      const torch::Tensor exact = exact_logits(*cat, x);
      rounding = std::max(rounding, largest_difference(cat->forward(x).yhat_BL, exact));
      pictures.emplace_back(x, exact);
    }
    EXPECT_LT(rounding, 1e-4) << each.name;
    pack_weights(*cat);
    for (const auto& [x, exact] : pictures)
      EXPECT_LT(largest_difference(cat->forward(x).yhat_BL, exact), 4 * rounding) << each.name;
  }
}

TEST(PackWeights, LeavesNoPlainLinearLayerAndNoPlainConvolution) {
  const torch::InferenceMode inference;
  Cat cat = prepared_cat();
  const torch::Tensor x = torch::randn({2, 3, 64, 64});
  const OperatorCalls calls;
  cat->forward(x);
  EXPECT_GE(calls.count(kLinear), 20);  // six a block and three heads
  EXPECT_GE(calls.count(kConvolution), 15);
  EXPECT_EQ(calls.count(kPlainLinear), 0);
  EXPECT_EQ(calls.count(kPlainConvolution), 0);
}

TEST(PackWeights, IsNotUsedWhereGradientsOrAutocastAreWanted) {
  Cat cat = prepared_cat();
  const torch::Tensor x = torch::randn({2, 3, 64, 64});
  {
    const OperatorCalls calls;
    cat->forward(x);
    EXPECT_EQ(calls.count(kLinear) + calls.count(kConvolution), 0);
  }
  const torch::NoGradGuard no_grad;
  const Autocast bf16(torch::kCPU, torch::kBFloat16);
  const OperatorCalls calls;
  cat->forward(x);
  EXPECT_EQ(calls.count(kConvolution), 0);
  EXPECT_EQ(calls.count(kLinear), 3);  // the heads', which switch autocast off
}

void change_some_weights(CatImpl& cat) {
  for (const char* name : {"fpn.lateral3.weight", "lrd.ffn.linear1.weight", "head1.fc.weight"})
    cat.named_parameters()[name].mul_(1.5);
}

TEST(PackWeights, IsUndoneByTrainingAndDoneAnewByPackingAgain) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::randn({1, 3, 64, 64});
  for (const bool trains : {false, true}) {
    Cat cat = eval_cat(small_options());
    Cat changed = eval_cat(small_options());
    change_some_weights(*changed);
    const torch::Tensor wanted = changed->forward(x).yhat_BL;
    pack_weights(*cat);
    const torch::Tensor before = cat->forward(x).yhat_BL;
    EXPECT_GT(largest_difference(before, wanted), 1e-2 * wanted.abs().max().item<double>());
    if (trains) {
      cat->train();
      EXPECT_THROW(pack_weights(*cat), std::logic_error);
    }
    change_some_weights(*cat);
    if (trains) {
      cat->eval();
      expect_close(cat->forward(x).yhat_BL, wanted, "not packed");
    }
    pack_weights(*cat);
    expect_close(cat->forward(x).yhat_BL, wanted, "packed again");
  }
}

TEST(PackedConvolution, RefusesTheWeightOfAnother) {
  const torch::NoGradGuard no_grad;
  torch::nn::Conv2d one(torch::nn::Conv2dOptions(4, 4, 3).padding(1));
  torch::nn::Conv2d other(torch::nn::Conv2dOptions(4, 4, 3).padding(1));
  const torch::Tensor x = torch::randn({1, 4, 8, 8});
  PackedConvolution packed(PaddingRule::kOfConvolution);
  const auto y = packed.forward(*one, x, {}, Activation::kRelu);
  ASSERT_TRUE(y.has_value());
  expect_close(*y, torch::relu(one->forward(x)), "relu");
  EXPECT_THROW(packed.forward(*other, x, {}, Activation::kRelu), std::logic_error);
}

}  // namespace
}  // namespace catamaran
