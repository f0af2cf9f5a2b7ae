// What stays fp32 when the model computes in 16 bits, and how far its logits move.
#include "model/autocast.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include "golden.h"
#include "model/cat.h"
#include "model/losses.h"
#include "model/weights.h"
#include "operator_calls.h"
#include "small_options.h"

namespace catamaran {
namespace {

const std::vector<at::ScalarType> kSixteenBits = {torch::kBFloat16, torch::kFloat16};

TEST(Autocast, RestoresWhatHeldBeforeAlsoAfterAnException) {
  const auto state = [] {
    return std::pair{at::autocast::is_autocast_enabled(torch::kCPU),
                     at::autocast::get_autocast_dtype(torch::kCPU)};
  };
  const auto before = state();
  try {
    const Autocast half(torch::kCPU, torch::kFloat16);
    EXPECT_EQ(state(), std::pair(true, torch::kFloat16));
    {
      const Autocast off(torch::kCPU, torch::kFloat32);
      EXPECT_FALSE(state().first);
    }
    EXPECT_EQ(state(), std::pair(true, torch::kFloat16));
    throw std::runtime_error("in the middle of a forward pass");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(at::autocast::increment_nesting(), 1);  // nothing was left open
  at::autocast::decrement_nesting();
}

TEST(Autocast, ForgetsTheWeightsItCastWhenTheOutermostScopeEnds) {
  torch::nn::Linear layer(4, 4);
  const torch::Tensor x = torch::ones({1, 4});
  torch::Tensor first;
  {
    const Autocast scope(torch::kCPU, torch::kBFloat16);
    first = layer(x);
  }
  {
    const torch::NoGradGuard no_grad;
    layer->weight.add_(1);  // the optimizer
  }
  const Autocast scope(torch::kCPU, torch::kBFloat16);
  EXPECT_GT(largest_difference(layer(x), first), 1);
}

TEST(Autocast, KeepsTheNormsOfConvNeXtInSinglePrecision) {
  for (const at::ScalarType type : kSixteenBits) {
    CatOptions options = small_options();
    options.backbone.name = "convnext_tiny";
    Cat cat(options, 7);
    initialise(*cat, 1);
    const OperatorCalls calls;
    {
      const Autocast scope(torch::kCPU, type);
      cat->forward(torch::randn({1, 3, 64, 64}));
    }
    const std::set<at::ScalarType> single = {torch::kFloat32};
    EXPECT_EQ(calls.types("aten::native_layer_norm"), single) << toString(type);
  }
}

TEST(Autocast, KeepsNormsPositionsAndHeadsInSinglePrecision) {
  for (const at::ScalarType type : kSixteenBits) {
    for (const char* pool : {"mean", "max", "topk", "csra"}) {
      for (const char* norm : {"post", "pre"}) {
        SCOPED_TRACE(std::string(toString(type)) + " " + pool + " " + norm);
        CatOptions options = small_options();
        options.head.pool = pool;
        options.attention.norm = norm;
        options.attention.position = "sine2d";
        Cat cat(options, 7);
        initialise(*cat, 1);
        CatOutput out;
        const OperatorCalls calls;
        {
          const Autocast scope(torch::kCPU, type);
          out = cat->forward(torch::randn({2, 3, 64, 64}), /*with_class_maps=*/true);
        }
        const std::set<at::ScalarType> single = {torch::kFloat32};
        for (const char* op :
             {"aten::layer_norm", "aten::native_layer_norm", "aten::sin", "aten::cos"}) {
          EXPECT_EQ(calls.types(op), single) << op;
        }
        EXPECT_TRUE(calls.types("aten::conv2d").contains(torch::kFloat32));  // as called; then cast
        EXPECT_TRUE(calls.types("aten::mkldnn_convolution").contains(type) ||
                    calls.types("aten::_convolution").contains(type));
        EXPECT_EQ(out.yhat_BL.scalar_type(), torch::kFloat32);
        for (size_t h = 0; h < out.head_logits_BL.size(); ++h) {
          EXPECT_EQ(out.head_logits_BL[h].scalar_type(), torch::kFloat32);
          EXPECT_EQ(out.class_maps_BLHW[h].scalar_type(), torch::kFloat32);
        }
      }
    }
  }
}

TEST(Autocast, LogitsOfAHeadAreNotRounded) {
  Head head(HeadOptions{}, 16, 5);
  const torch::Tensor p = torch::randn({2, 16, 4, 4}).to(torch::kBFloat16);
  const torch::Tensor single = head->forward(p.to(torch::kFloat32), false).logits_BL;
  const Autocast scope(torch::kCPU, torch::kBFloat16);
  EXPECT_LT(largest_difference(head->forward(p, false).logits_BL, single), 1e-6);
}

TEST(Autocast, BatchNormKeepsItsStatisticsInSinglePrecision) {
  const torch::Tensor x = torch::randn({64, 4, 8, 8}).mul(0.01).add(100);
  for (const at::ScalarType type : kSixteenBits) {
    torch::nn::BatchNorm2d norm(4);
    torch::nn::BatchNorm2d single(4);
    const torch::Tensor rounded = x.to(type);
    norm(rounded);
    single(rounded.to(torch::kFloat32));
    EXPECT_EQ(norm->running_mean.scalar_type(), torch::kFloat32);
    EXPECT_LT(largest_difference(norm->running_mean, single->running_mean), 1e-4);
    EXPECT_LT(largest_difference(norm->running_var, single->running_var), 1e-4);
  }
}

// Scores of 1e5 that differ by about 1: bf16 counts in steps of 512 there and fp16 has no numbers,
// so weights other than equal ones show that scores and softmax are fp32.
TEST(Autocast, AttentionTakesItsSoftmaxInSinglePrecisionWithLargeScores) {
  torch::manual_seed(3);
  for (const at::ScalarType type : kSixteenBits) {
    for (const double dropout : {0.0, 1e-12}) {  // above 0: the kernel that builds the matrix
      SCOPED_TRACE(std::string(toString(type)) + ", dropout " + std::to_string(dropout));
      AttentionOptions options;
      options.dim = 8;
      options.heads = 1;
      options.dropout = dropout;
      MultiHeadAttention attention(options);
      const torch::NoGradGuard no_grad;
      for (const auto& item : attention->named_parameters()) {
        torch::Tensor value = item.value();
        if (value.dim() == 1) {
          value.zero_();
        } else {
          value.copy_(torch::eye(8));
          if (item.key() == "q.weight" || item.key() == "k.weight") value[0][0] = 64;
        }
      }
      torch::Tensor x = torch::randn({1, 20, 8}).to(type).to(torch::kFloat32);
      x.select(2, 0).fill_(8.5);
      const torch::Tensor exact = x.to(torch::kFloat64);
      torch::Tensor q = exact.clone();
      q.select(2, 0).mul_(64);
      const torch::Tensor scores = torch::matmul(q, q.transpose(1, 2)) / std::sqrt(8.0);
      ASSERT_GT(scores.min().item<double>(), 1e5);
      const torch::Tensor wanted = torch::matmul(scores.softmax(2), exact);
      ASSERT_GT(largest_difference(wanted, exact.mean(1, true)), 0.5);
      const Autocast scope(torch::kCPU, type);
      const torch::Tensor got = attention->forward(x, x, {});
      EXPECT_TRUE(got.isfinite().all().item<bool>());
      EXPECT_LT(largest_difference(got, wanted), 0.05);
    }
  }
}

// Forward and backward in `compute`; the gradients are then in the parameters.
torch::Tensor logits_after_backward(Cat& cat, const Golden& golden, at::ScalarType compute) {
  CatOutput out;
  {
    const Autocast scope(torch::kCPU, compute);
    out = cat->forward(golden.input.at("x"));
  }
  bce_with_ignore(out.yhat_BL, golden.input.at("labels")).sum.backward();
  return out.yhat_BL.detach();
}

double tolerance_of(at::ScalarType type) { return type == torch::kBFloat16 ? 0.03 : 0.004; }

TEST(Autocast, LogitsStayNearThoseOfSinglePrecision) {
  const Golden golden("cat-default");
  for (const at::ScalarType type : kSixteenBits) {
    SCOPED_TRACE(toString(type));
    std::vector<std::string> classes;
    Cat cat = load_model(golden.weights_file, classes);
    cat->eval();
    const torch::Tensor single = logits_after_backward(cat, golden, torch::kFloat32);
    const torch::Tensor rounded = logits_after_backward(cat, golden, type);
    const double largest = single.abs().max().item<double>();
    EXPECT_LT(largest_difference(rounded, single), tolerance_of(type) * largest);
    EXPECT_GT(largest_difference(rounded, single), 1e-6);  // it was computed in other numbers
  }
}

// The golden model with the statistics of the golden input, and the outputs of its batch norms
// moved three deviations above zero. Otherwise rounding flips ReLUs, as many as its size (one in
// 2000 in fp16), and each moves the gradients of the layers below it by its whole.
Cat model_without_flips(const Golden& golden) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> classes;
  Cat cat = load_model(golden.weights_file, classes);
  for (const auto& module : cat->modules()) {
    auto* norm = module->as<torch::nn::BatchNorm2dImpl>();
    if (norm == nullptr) continue;
    norm->bias.copy_(3 * norm->weight.abs());
    norm->options.momentum(1);
  }
  cat->train();
  cat->forward(golden.input.at("x"));
  cat->eval();
  return cat;
}

TEST(Autocast, GradientsAreSinglePrecisionAndNearThoseOfSinglePrecision) {
  const Golden golden("cat-without-pma");  // whose maxima would flip as ReLUs do
  for (const at::ScalarType type : kSixteenBits) {
    SCOPED_TRACE(toString(type));
    Cat single = model_without_flips(golden);
    Cat rounded = model_without_flips(golden);
    logits_after_backward(single, golden, torch::kFloat32);
    logits_after_backward(rounded, golden, type);
    const auto wanted = single->named_parameters();
    for (const auto& item : rounded->named_parameters()) {
      const torch::Tensor gradient = item.value().grad();
      EXPECT_EQ(gradient.scalar_type(), torch::kFloat32) << item.key();
      const torch::Tensor exact = wanted[item.key()].grad();
      const double norm = exact.norm().item<double>();
      EXPECT_LT((gradient - exact).norm().item<double>(), 5 * tolerance_of(type) * (norm + 1e-3))
          << item.key();
    }
  }
}

}  // namespace
}  // namespace catamaran
