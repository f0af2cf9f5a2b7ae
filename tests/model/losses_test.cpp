// Losses against Python code from the papers' formulas (tests/golden/model_losses.py), finite
// differences in double precision, and the properties that training rests on.
#include "model/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "golden.h"
#include "support/error.h"

namespace catamaran {
namespace {

LossOptions named(const std::string& name) {
  LossOptions options;
  options.name = name;
  return options;
}

std::vector<LossOptions> published() {
  LossOptions query2label = named("asl");
  query2label.asl_gamma_neg = 2;
  query2label.asl_clip = 0;
  query2label.asl_detach_weights = false;
  LossOptions through_weights = named("asl");
  through_weights.asl_gamma_pos = 1;
  through_weights.asl_detach_weights = false;
  return {named("bce"), named("focal"), named("asl"), query2label, through_weights};
}

std::vector<std::string> golden_losses() {
  std::vector<std::string> names;
  std::ifstream file(golden_folder() / "losses.txt");
  for (std::string name; std::getline(file, name);) names.push_back(name);
  return names;
}

LossOptions options_of(const Golden& golden) {
  const auto number = [&](const std::string& key) {
    return golden.input.at("option." + key).item<double>();
  };
  LossOptions options;
  options.name =
      std::vector<std::string>{"bce", "focal", "asl"}.at(static_cast<size_t>(number("name")));
  options.focal_gamma = number("focal_gamma");
  options.focal_alpha = number("focal_alpha");
  options.asl_gamma_pos = number("asl_gamma_pos");
  options.asl_gamma_neg = number("asl_gamma_neg");
  options.asl_clip = number("asl_clip");
  options.asl_detach_weights = number("asl_detach_weights") != 0;
  options.label_smoothing = number("label_smoothing");
  options.scale = number("scale");
  return options;
}

Loss loss_of(const Golden& golden) {
  const torch::Tensor w = golden.input.at("w").to(torch::kFloat32).contiguous();
  const std::vector<float> weights(w.data_ptr<float>(), w.data_ptr<float>() + w.numel());
  const bool weighted = !w.eq(1).all().item<bool>();
  return Loss(options_of(golden), weighted ? weights : std::vector<float>{});
}

TEST(Losses, EqualTheReferenceInSumCountAndGradient) {
  const std::vector<std::string> names = golden_losses();
  ASSERT_EQ(names.size(), 36u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Golden golden(name);
    const Loss loss = loss_of(golden);
    const double scale = golden.input.at("option.scale").item<double>();
    for (const at::ScalarType type : {torch::kFloat64, torch::kFloat32}) {
      const torch::Tensor z = golden.input.at("z").to(type).detach().clone().requires_grad_();
      const LossSum got = loss.of_logits(z, golden.input.at("y"));
      got.sum.backward();
      const double sum = golden.expected.at("sum").item<double>();
      const double tolerance = type == torch::kFloat64 ? 1e-7 : 2e-6;  // class weights are fp32
      EXPECT_EQ(got.sum.scalar_type(), type);
      EXPECT_NEAR(got.sum.item<double>(), sum, tolerance * std::abs(sum));
      EXPECT_EQ(got.count.item<double>(), golden.expected.at("count").item<double>());
      EXPECT_LT(largest_difference(z.grad(), golden.expected.at("gradient")),
                10 * tolerance * scale);
    }
  }
}

TEST(Losses, GradientsAreThoseOfFiniteDifferencesInDoublePrecision) {
  torch::manual_seed(5);
  const torch::Tensor labels = torch::randint(-1, 2, {4, 5}).to(torch::kInt8);
  const torch::Tensor z = torch::randn({4, 5}, torch::kFloat64) * 3;
  constexpr double kStep = 1e-5;
  for (LossOptions options : published()) {
    SCOPED_TRACE(options.name);
    options.label_smoothing = 0.1;
    options.scale = 5;
    options.asl_detach_weights = false;  // a detached factor is, by intention, not in the gradient
    const Loss loss(options, {0.5f, 1, 2, 3, 4});
    const torch::Tensor leaf = z.clone().requires_grad_();
    loss.of_logits(leaf, labels).sum.backward();
    for (int64_t i = 0; i < z.numel(); ++i) {
      torch::Tensor above = z.clone();
      torch::Tensor below = z.clone();
      above.view({-1})[i] += kStep;
      below.view({-1})[i] -= kStep;
      const double slope =
          (loss.of_logits(above, labels).sum - loss.of_logits(below, labels).sum).item<double>() /
          (2 * kStep);
      EXPECT_NEAR(leaf.grad().view({-1})[i].item<double>(), slope, 1e-7);
    }
  }
}

TEST(Losses, StayFiniteInValueAndGradientAtExtremeLogits) {
  const std::vector<double> extremes = {80, -80, 1e4, -1e4, 3e38, -3e38, 0};
  const auto n = static_cast<int64_t>(extremes.size());
  const torch::Tensor row = torch::tensor(extremes, torch::kFloat32);
  const torch::Tensor labels =
      torch::tensor({1, -1}, torch::kInt8).unsqueeze(1).expand({2, n}).contiguous();
  LossOptions root = named("asl");
  root.asl_gamma_pos = root.asl_gamma_neg = 0.5;
  root.asl_detach_weights = false;
  LossOptions tiny_clip = root;
  tiny_clip.asl_clip = 1e-12;
  std::vector<LossOptions> all = published();
  all.insert(all.end(), {root, tiny_clip});
  for (const LossOptions& options : all) {
    SCOPED_TRACE(options.name);
    const torch::Tensor z = row.expand({2, n}).clone().requires_grad_();
    const Loss loss(options);
    loss.of_logits(z.slice(1, 0, 4), labels.slice(1, 0, 4)).sum.backward();
    EXPECT_TRUE(z.grad().isfinite().all().item<bool>()) << z.grad();
    for (int64_t i = 0; i < n; ++i) {
      const LossSum one = loss.of_logits(z.slice(1, i, i + 1), labels.slice(1, i, i + 1));
      EXPECT_TRUE(std::isfinite(one.sum.item<double>())) << extremes[static_cast<size_t>(i)];
      z.mutable_grad().reset();
      one.sum.backward();
      EXPECT_TRUE(z.grad().isfinite().all().item<bool>()) << extremes[static_cast<size_t>(i)];
    }
  }
}

TEST(Losses, IgnoredLabelsContributeNeitherSumNorCountNorGradient) {
  torch::manual_seed(6);
  torch::Tensor y = torch::randint(-1, 2, {6, 4}).to(torch::kInt8);
  y[0][0] = 0;
  for (LossOptions options : published()) {
    SCOPED_TRACE(options.name);
    options.auxiliary_weight = 0.3;
    options.label_smoothing = 0.1;
    const Loss loss(options, {1, 2, 3, 4});
    const torch::Tensor z = torch::randn({6, 4}).requires_grad_();
    CatOutput out;
    out.yhat_BL = z;
    out.head_logits_BL = {z * 2, z - 1};
    const LossSum whole = loss(out, y);
    whole.sum.backward();
    EXPECT_EQ(whole.count.item<double>(), y.ne(0).sum().item<double>());
    EXPECT_EQ(z.grad().masked_select(y.eq(0)).abs().max().item<double>(), 0);
    EXPECT_GT(z.grad().masked_select(y.ne(0)).abs().min().item<double>(), 0);
    CatOutput moved = out;
    moved.yhat_BL = z.detach().masked_fill(y.eq(0), 50);
    moved.head_logits_BL = {moved.yhat_BL.masked_scatter(y.ne(0), (z * 2).masked_select(y.ne(0))),
                            moved.yhat_BL.masked_scatter(y.ne(0), (z - 1).masked_select(y.ne(0)))};
    EXPECT_NEAR(loss(moved, y).sum.item<double>(), whole.sum.item<double>(), 1e-5);
  }
}

TEST(Losses, TellThoseOfTheHeadsOwnLogitsWhereTheyCount) {
  torch::manual_seed(7);
  const torch::Tensor y = torch::randint(-1, 2, {6, 4}).to(torch::kInt8);
  CatOutput out;
  out.yhat_BL = torch::randn({6, 4}).requires_grad_();
  out.head_logits_BL = {out.yhat_BL * 2, out.yhat_BL - 1, out.yhat_BL + 1};
  LossOptions options;
  EXPECT_TRUE(Loss(options)(out, y).heads.empty());
  options.auxiliary_weight = 0.3;
  const Loss loss(options);
  const LossSum whole = loss(out, y);
  ASSERT_EQ(whole.heads.size(), 3u);
  double sum = loss.of_logits(out.yhat_BL, y).sum.item<double>();
  for (const torch::Tensor& head : whole.heads) {
    EXPECT_FALSE(head.requires_grad());
    sum += 0.3 * head.item<double>();
  }
  EXPECT_NEAR(whole.sum.item<double>(), sum, 1e-4);
  out.head_logits_BL.resize(1);
  EXPECT_TRUE(loss(out, y).heads.empty()) << "one head is the fused one";
}

// Of mixed images: each loss is linear in the target between what it is for present and for absent.
TEST(Losses, OfSoftTargetsLieBetweenThoseOfPresentAndAbsent) {
  const torch::Tensor z_BL = torch::tensor({{-3.0F, -0.5F, 0.0F, 0.7F, 2.5F}});
  for (const LossOptions& options : published()) {
    const Loss loss(options);
    const auto of_target = [&](double t) {
      return loss.of_logits(z_BL, torch::full({1, 5}, t, torch::kFloat32)).sum.item<double>();
    };
    const double absent =
        loss.of_logits(z_BL, -torch::ones({1, 5}, torch::kInt8)).sum.item<double>();
    const double present =
        loss.of_logits(z_BL, torch::ones({1, 5}, torch::kInt8)).sum.item<double>();
    EXPECT_EQ(of_target(0), absent) << options.name;
    EXPECT_EQ(of_target(1), present) << options.name;
    for (const double t : {0.25, 0.6})
      EXPECT_NEAR(of_target(t), t * present + (1 - t) * absent, 1e-4) << options.name;
  }
}

TEST(Losses, NegativeSoftTargetsAreIgnoredInSumCountAndGradient) {
  for (const LossOptions& options : published()) {
    torch::Tensor z_BL = torch::tensor({{0.5F, -1.0F, 2.0F}}).requires_grad_();
    const LossSum loss = Loss(options).of_logits(z_BL, torch::tensor({{0.3F, -1.0F, 0.0F}}));
    loss.sum.backward();
    EXPECT_EQ(loss.count.item<double>(), 2) << options.name;
    EXPECT_EQ(z_BL.grad()[0][1].item<double>(), 0) << options.name;
    EXPECT_NE(z_BL.grad()[0][0].item<double>(), 0) << options.name;
  }
}

TEST(Losses, MicroBatchesAddUpToTheWholeBatch) {
  torch::manual_seed(7);
  const torch::Tensor y = torch::randint(-1, 2, {6, 4}).to(torch::kInt8);
  for (LossOptions options : published()) {
    SCOPED_TRACE(options.name);
    options.auxiliary_weight = 0.5;
    const Loss loss(options, {1, 2, 3, 4});
    const torch::Tensor z = torch::randn({6, 4}, torch::kFloat64).requires_grad_();
    const auto output = [&](int64_t from, int64_t to) {
      CatOutput out;
      out.yhat_BL = z.slice(0, from, to);
      out.head_logits_BL = {out.yhat_BL * 2, out.yhat_BL.sin(), out.yhat_BL - 1};
      return out;
    };
    const LossSum whole = loss(output(0, 6), y);
    whole.sum.backward();
    const torch::Tensor gradient = z.grad().clone();
    z.mutable_grad().reset();
    double sum = 0;
    double count = 0;
    for (const auto& [from, to] : {std::pair{0, 1}, {1, 3}, {3, 6}}) {
      const LossSum part = loss(output(from, to), y.slice(0, from, to));
      part.sum.backward();
      sum += part.sum.item<double>();
      count += part.count.item<double>();
    }
    EXPECT_NEAR(sum, whole.sum.item<double>(), 1e-9);
    EXPECT_EQ(count, whole.count.item<double>());
    EXPECT_LT(largest_difference(z.grad(), gradient), 1e-12);
  }
}

TEST(Losses, AuxiliaryHeadsAddTheirOwnLossesAndOneHeadAddsNothing) {
  const torch::Tensor y = torch::tensor({{1, -1, 0}, {-1, 1, 1}}, torch::kInt8);
  LossOptions options = named("focal");
  const Loss plain(options);
  options.auxiliary_weight = 0.25;
  const Loss with_heads(options);
  CatOutput out;
  out.yhat_BL = torch::randn({2, 3});
  for (int h = 0; h < 3; ++h) out.head_logits_BL.push_back(torch::randn({2, 3}));
  double wanted = plain.of_logits(out.yhat_BL, y).sum.item<double>();
  for (const torch::Tensor& head : out.head_logits_BL)
    wanted += 0.25 * plain.of_logits(head, y).sum.item<double>();
  EXPECT_NEAR(with_heads(out, y).sum.item<double>(), wanted, 1e-5);
  EXPECT_EQ(with_heads(out, y).count.item<double>(), 5);
  out.head_logits_BL.resize(1);
  EXPECT_EQ(with_heads(out, y).sum.item<double>(), plain(out, y).sum.item<double>());
}

TEST(Losses, AreComputedInSinglePrecisionFromSixteenBitLogits) {
  const torch::Tensor y = torch::tensor({{1, -1, 1}}, torch::kInt8);
  const torch::Tensor z = torch::tensor({{0.3f, -7.1f, 11.0f}});
  for (const at::ScalarType type : {torch::kBFloat16, torch::kFloat16}) {
    const torch::Tensor rounded = z.to(type);
    const LossSum from_rounded = Loss(named("asl")).of_logits(rounded, y);
    EXPECT_EQ(from_rounded.sum.scalar_type(), torch::kFloat32);
    EXPECT_EQ(from_rounded.sum.item<float>(),
              Loss(named("asl")).of_logits(rounded.to(torch::kFloat32), y).sum.item<float>());
  }
}

TEST(Losses, ScaleEqualToTheLabelsTurnsTheMeanOverLabelsIntoASum) {
  const torch::Tensor y = torch::ones({4, 3}, torch::kInt8);
  const torch::Tensor z = torch::randn({4, 3});
  LossOptions options;
  options.scale = 3;
  const LossSum loss = Loss(options).of_logits(z, y);
  const double mean_over_images =
      (loss.sum / loss.count).item<double>();  // what the trainer makes of sum and count
  const torch::Tensor summed_over_labels =
      torch::binary_cross_entropy_with_logits(z, torch::ones({4, 3}), {}, {}, at::Reduction::None)
          .sum(1);
  EXPECT_NEAR(mean_over_images, summed_over_labels.mean().item<double>(), 1e-5);
}

TEST(Losses, PlainBceIsBitIdenticalToTorchs) {
  const torch::Tensor y = torch::tensor({{1, -1, 0}, {-1, 1, 1}}, torch::kInt8);
  const torch::Tensor z = torch::randn({2, 3});
  const torch::Tensor torchs = (torch::binary_cross_entropy_with_logits(
                                    z, y.gt(0).to(torch::kFloat32), {}, {}, at::Reduction::None) *
                                y.ne(0))
                                   .sum();
  EXPECT_TRUE(torch::equal(bce_with_ignore(z, y).sum, torchs));
}

TEST(PositiveWeights, AreRatiosOfTheClassCountsUpToTheCap) {
  const ClassCounts counts{.positives = {50, 10, 0, 20}, .negatives = {50, 90, 100, 80}};
  LossOptions options;
  EXPECT_TRUE(positive_weights(options, counts).empty());
  options.positive_weight = "balanced";
  EXPECT_EQ(positive_weights(options, counts), (std::vector<float>{1, 9, 20, 4}));
  options.positive_weight_cap = 5;
  EXPECT_EQ(positive_weights(options, counts), (std::vector<float>{1, 5, 5, 4}));
  options.positive_weight = "inverse";  // mean of the positives: 20
  EXPECT_EQ(positive_weights(options, counts), (std::vector<float>{0.4f, 2, 5, 1}));
}

TEST(LossOptionsCheck, NamesTheKeyOfAnImpossibleValue) {
  const auto key_of = [](auto&& change) {
    LossOptions options;
    change(options);
    try {
      options.check();
    } catch (const UsageError& problem) {
      return problem.where();
    }
    return std::string("nothing");
  };
  EXPECT_EQ(key_of([](LossOptions&) {}), "nothing");
  EXPECT_EQ(key_of([](LossOptions& o) { o.name = "hinge"; }), "loss.name");
  EXPECT_EQ(key_of([](LossOptions& o) { o.focal_alpha = 1.5; }), "loss.focal_alpha");
  EXPECT_EQ(key_of([](LossOptions& o) { o.asl_clip = 1; }), "loss.asl_clip");
  EXPECT_EQ(key_of([](LossOptions& o) { o.asl_gamma_neg = -1; }), "loss.asl_gamma_neg");
  EXPECT_EQ(key_of([](LossOptions& o) { o.label_smoothing = 1; }), "loss.label_smoothing");
  EXPECT_EQ(key_of([](LossOptions& o) { o.positive_weight = "x"; }), "loss.positive_weight");
  EXPECT_EQ(key_of([](LossOptions& o) { o.scale = 0; }), "loss.scale");
}

}  // namespace
}  // namespace catamaran
