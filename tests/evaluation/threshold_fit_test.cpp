#include "evaluation/threshold_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "support/error.h"

namespace catamaran {
namespace {

double logit(double p) { return std::log(p / (1 - p)); }

ScoreTable one_class(const std::vector<double>& probabilities, const std::vector<int8_t>& labels) {
  ScoreTable table;
  table.classes = {"dog"};
  table.images = static_cast<int64_t>(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    table.indices.push_back(static_cast<int64_t>(i));
    table.scores.push_back(static_cast<float>(logit(probabilities[i])));
    table.labels.push_back(labels[i]);
  }
  return table;
}

double f1_at(const ScoreTable& table, double threshold) {
  double hits = 0, taken = 0, positives = 0;
  for (size_t i = 0; i < table.scores.size(); ++i) {
    if (table.labels[i] == 0) continue;
    const bool is = 1 / (1 + std::exp(-static_cast<double>(table.scores[i]))) >= threshold;
    taken += is ? 1 : 0;
    positives += table.labels[i] > 0 ? 1 : 0;
    hits += is && table.labels[i] > 0 ? 1 : 0;
  }
  return taken + positives > 0 ? 2 * hits / (taken + positives) : 0;
}

TEST(ThresholdFit, LiesBetweenTheLowestTakenAndTheHighestLeftOut) {
  const auto fitted = fit_thresholds(one_class({.9, .3, .1, .05}, {1, 1, -1, -1}), {});
  ASSERT_EQ(fitted.size(), 1u);
  EXPECT_TRUE(fitted[0].fitted);
  EXPECT_NEAR(fitted[0].threshold, 0.2, 1e-6);
  EXPECT_DOUBLE_EQ(fitted[0].f, 1);
  EXPECT_NEAR(fitted[0].f_at_default, 2.0 / 3, 1e-12);
  EXPECT_EQ(fitted[0].positives, 2);
}

TEST(ThresholdFit, NoOtherThresholdHasAHigherF1) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> probabilities;
    std::vector<int8_t> labels;
    for (int i = 0; i < 40; ++i) {
      probabilities.push_back((1 + static_cast<int>(random() % 20)) / 22.0);  // many ties
      labels.push_back(static_cast<int8_t>(static_cast<int>(random() % 3) - 1));
    }
    labels[0] = 1;
    const ScoreTable table = one_class(probabilities, labels);
    const FittedThreshold fitted = fit_thresholds(table, {})[0];
    EXPECT_NEAR(f1_at(table, fitted.threshold), fitted.f, 1e-12);
    EXPECT_NEAR(f1_at(table, kDefaultThreshold), fitted.f_at_default, 1e-12);
    for (int step = 0; step <= 200; ++step)
      EXPECT_LE(f1_at(table, step / 200.0), fitted.f + 1e-12) << trial << " " << step;
  }
}

TEST(ThresholdFit, OfCutsWithTheSameF1TheOneNearestToAHalfWins) {
  // Taking one of three or all three: F1 = 1/2 ... the first cut is .9 | .3, the last .25 |
  // nothing.
  const ScoreTable table = one_class({.9, .3, .25, .2}, {1, -1, 1, 1});
  const FittedThreshold fitted = fit_thresholds(one_class({.8, .7, .1}, {1, -1, 1}), {})[0];
  EXPECT_NEAR(fitted.threshold, 0.05, 1e-6);  // 4/5 beats 2/3
  EXPECT_GT(fit_thresholds(table, {})[0].f, 0.85);
  const FittedThreshold tie = fit_thresholds(one_class({.9, .6, .5, .4}, {1, -1, -1, 1}), {})[0];
  EXPECT_NEAR(tie.f, 2.0 / 3, 1e-12);  // one of one, or two of four
  EXPECT_NEAR(tie.threshold, 0.75, 1e-6);
}

TEST(ThresholdFit, AClassWithTooFewPositivesKeepsTheDefault) {
  const FittedThreshold none = fit_thresholds(one_class({.9, .2}, {-1, 0}), {})[0];
  EXPECT_FALSE(none.fitted);
  EXPECT_EQ(none.threshold, kDefaultThreshold);
  EXPECT_EQ(none.positives, 0);
  const FittedThreshold few =
      fit_thresholds(one_class({.3, .2}, {1, -1}), {.least_positives = 2})[0];
  EXPECT_FALSE(few.fitted);
  EXPECT_EQ(few.threshold, kDefaultThreshold);
  EXPECT_EQ(few.positives, 1);
}

TEST(ThresholdFit, SeparatesNeighbouringAndSaturatedScores) {
  ScoreTable table = one_class({.5, .5}, {1, -1});
  table.scores = {std::nextafter(0.25f, 1.0f), 0.25f};
  const FittedThreshold near = fit_thresholds(table, {})[0];
  EXPECT_DOUBLE_EQ(f1_at(table, near.threshold), 1);
  table.scores = {90, 80};  // both are 1 as a probability
  EXPECT_NEAR(f1_at(table, fit_thresholds(table, {})[0].threshold), 2.0 / 3, 1e-12);
}

TEST(ThresholdFit, ALargerBetaTakesMore) {
  const ScoreTable table = one_class({.9, .8, .7, .6, .5, .4, .3}, {1, -1, -1, -1, -1, 1, -1});
  EXPECT_GT(fit_thresholds(table, {.beta = 0.5})[0].threshold, 0.8);
  EXPECT_LT(fit_thresholds(table, {.beta = 2})[0].threshold, 0.4);
}

TEST(ThresholdFit, RefusesAScoreThatIsNotANumber) {
  ScoreTable table = one_class({.5}, {1});
  table.scores[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(fit_thresholds(table, {}), NumericsError);
}

}  // namespace
}  // namespace catamaran
