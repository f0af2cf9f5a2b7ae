#include "evaluation/probability_mean.h"

#include <gtest/gtest.h>

#include <cmath>

namespace catamaran {
namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

TEST(ProbabilityMean, IsTheMeanOfTheProbabilities) {
  ProbabilityMean mean;
  const std::vector<float> a = {0.3f, -4, 7};
  const std::vector<float> b = {-1.1f, 2, -7};
  const std::vector<float> c = {0.5f, 2, 1};
  for (const auto& set : {a, b, c}) mean.add(set);
  const std::vector<float> combined = mean.logits();
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(sigmoid(combined[i]), (sigmoid(a[i]) + sigmoid(b[i]) + sigmoid(c[i])) / 3, 1e-7);
}

TEST(ProbabilityMean, GivesOneSetBackToTheBitAndEqualSetsToRounding) {
  const std::vector<float> logits = {0.1234567f, -88.5f, 40};
  ProbabilityMean mean;
  mean.add(logits);
  EXPECT_EQ(mean.logits(), logits);
  mean.add(logits);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(mean.logits()[i], logits[i], 1e-5);
}

TEST(ProbabilityMean, KeepsTheOrderOfProbabilitiesThatRoundToOne) {
  ProbabilityMean mean;
  mean.add(std::vector<float>{50, 60});
  mean.add(std::vector<float>{51, 61});
  EXPECT_LT(mean.logits()[0], mean.logits()[1]);
  EXPECT_NEAR(mean.logits()[0], 50.38, 0.01);  // -log(mean of e^-50 and e^-51)
}

TEST(ProbabilityMean, HasNoValuesWithoutImages) {
  ProbabilityMean mean;
  mean.add({});
  mean.add({});
  EXPECT_TRUE(mean.logits().empty());
}

}  // namespace
}  // namespace catamaran
