#include "trainer/rate_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace catamaran {
namespace {

using ::testing::HasSubstr;

constexpr int kSteps = 100;

std::vector<double> rates_of(int count) {
  std::vector<double> rates;
  for (int i = 0; i < count; ++i) rates.push_back(std::pow(10, -7 + 7.0 * i / (kSteps - 1)));
  return rates;
}

// Falls from 0.7 to 0.3 around 1e-3 and runs away above 0.1.
double loss_at(double rate) {
  return 0.7 - 0.4 / (1 + std::exp(-3 * (std::log10(rate) + 3))) + std::pow(rate / 0.1, 3);
}

TEST(RateSearch, FindsTheSteepestDescentAndTheLowestLoss) {
  const std::vector<double> rates = rates_of(kSteps);
  std::vector<double> losses;
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, 0.02);
  for (const double rate : rates) losses.push_back(loss_at(rate) + noise(random));
  const RateSearch found = search_rates(rates, losses, kSteps, RangeEnd::kHighestRate);
  ASSERT_TRUE(found.suggestion.has_value()) << found.reason;
  EXPECT_NEAR(std::log10(found.suggestion->steepest), -3, 0.4);
  EXPECT_GT(found.suggestion->lowest, 5e-3);
  EXPECT_LT(found.suggestion->lowest, 0.08);
  EXPECT_DOUBLE_EQ(found.suggestion->tenth_of_lowest, found.suggestion->lowest / 10);
  EXPECT_EQ(found.note, "");
}

TEST(RateSearch, SmoothsWithoutBeingLate) {
  const std::vector<double> rates = rates_of(kSteps);
  std::vector<double> losses(kSteps, 1.0);
  for (int i = 0; i < kSteps; ++i)
    losses[static_cast<size_t>(i)] = 2 - i * 0.01;  // a straight line
  const RateSearch found = search_rates(rates, losses, kSteps, RangeEnd::kHighestRate);
  for (size_t i = 0; i < losses.size(); ++i)
    EXPECT_NEAR(found.trials[i].smoothed, losses[i], 1e-12) << i;
  EXPECT_THAT(found.note, HasSubstr("still falling"));
}

TEST(RateSearch, SuggestsNothingWhereTheLossDidNotFallOrRanAwayAtOnce) {
  const std::vector<double> rates = rates_of(kSteps);
  std::vector<double> losses;
  std::mt19937 random(2);
  std::normal_distribution<double> noise(0, 0.05);
  for (int i = 0; i < kSteps; ++i) losses.push_back(0.7 + noise(random));
  const RateSearch flat = search_rates(rates, losses, kSteps, RangeEnd::kHighestRate);
  EXPECT_FALSE(flat.suggestion.has_value());
  EXPECT_THAT(flat.reason, HasSubstr("no rate made the loss fall"));
  const RateSearch early = search_rates(rates_of(2), {0.7, 2.0}, kSteps, RangeEnd::kLossRanAway);
  EXPECT_FALSE(early.suggestion.has_value());
  EXPECT_THAT(early.reason, HasSubstr("the first rate is too high"));
  const RateSearch none = search_rates({}, {}, kSteps, RangeEnd::kNotFinite);
  EXPECT_FALSE(none.suggestion.has_value());
  EXPECT_THAT(none.reason, HasSubstr("not finite"));
}

TEST(DivergenceWatch, StopsAtFourTimesTheLowestAndAtWhatIsNotFinite) {
  DivergenceWatch watch;
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(watch.diverged(1.0));
  EXPECT_FALSE(watch.diverged(3.5));  // a single high step moves the mean to 1.5
  int steps = 0;
  while (!watch.diverged(6.0)) ASSERT_LT(++steps, 10);
  EXPECT_GT(steps, 1);
  EXPECT_TRUE(DivergenceWatch().diverged(NAN));
  EXPECT_TRUE(DivergenceWatch().diverged(INFINITY));
}

}  // namespace
}  // namespace catamaran
