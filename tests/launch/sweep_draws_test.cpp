#include "launch/sweep_draws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

RandomAxis axis_of(const std::string& key, const std::string& kind,
                   const std::vector<std::string>& values) {
  RandomAxis axis;
  axis.key = key;
  EXPECT_THAT(fill_axis(kind, values, axis), IsEmpty());
  return axis;
}

std::string refusal(const std::string& kind, const std::vector<std::string>& values) {
  RandomAxis axis;
  return fill_axis(kind, values, axis);
}

TEST(SweepDraws, DependOnSeedKeyAndNumberAlone) {
  const RandomAxis rate = axis_of("optimizer.learning_rate", "log_uniform", {"1e-4", "1e-2"});
  const RandomAxis decay = axis_of("optimizer.weight_decay", "log_uniform", {"1e-4", "1e-2"});
  std::set<std::string> seen;
  for (int64_t number = 0; number < 64; ++number) {
    const std::string value = draw(rate, 1, number);
    EXPECT_EQ(value, draw(rate, 1, number));
    EXPECT_NE(value, draw(rate, 2, number));
    EXPECT_NE(value, draw(decay, 1, number));  // two axes of one range are not one axis
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 64u);
}

TEST(SweepDraws, AUniformNumberLiesInItsRangeAndFillsIt) {
  const RandomAxis axis = axis_of("x", "uniform", {"-1", "3"});
  double sum = 0;
  int low = 0;
  for (int64_t number = 0; number < 1000; ++number) {
    const std::string text = draw(axis, 7, number);
    const double value = std::stod(text);
    EXPECT_GE(value, -1);
    EXPECT_LE(value, 3);
    EXPECT_THAT(text.find_first_of(".e"), ::testing::Ne(std::string::npos)) << text;  // a float
    sum += value;
    low += value < 0 ? 1 : 0;
  }
  EXPECT_NEAR(sum / 1000, 1, 0.15);
  EXPECT_NEAR(low, 250, 60);
}

TEST(SweepDraws, ALogUniformNumberHasEveryPowerOfTenAlike) {
  const RandomAxis axis = axis_of("x", "log_uniform", {"1e-4", "1e-1"});
  std::vector<int> decades(3, 0);
  for (int64_t number = 0; number < 900; ++number) {
    const double value = std::stod(draw(axis, 1, number));
    ASSERT_GE(value, 1e-4);
    ASSERT_LE(value, 1e-1);
    ++decades[static_cast<size_t>(std::min(2.0, std::floor(std::log10(value) + 4)))];
  }
  for (const int count : decades) EXPECT_NEAR(count, 300, 70);
}

TEST(SweepDraws, ARangeThatSixDigitsCannotTellApartIsNotLeft) {
  const RandomAxis axis = axis_of("x", "uniform", {"1.00000001", "1.00000002"});
  for (int64_t number = 0; number < 20; ++number)
    EXPECT_EQ(draw(axis, 1, number), "1.00000001");  // rounding leads below it
}

TEST(SweepDraws, WholeNumbersReachBothEndsAndChoicesAllTheirValues) {
  const RandomAxis whole = axis_of("x", "int", {"-1", "2"});
  const RandomAxis choice = axis_of("y", "choice", {"\"a\"", "true", "[1, 2]"});
  std::set<std::string> numbers, values;
  for (int64_t number = 0; number < 200; ++number) {
    numbers.insert(draw(whole, 1, number));
    values.insert(draw(choice, 1, number));
  }
  EXPECT_EQ(numbers, (std::set<std::string>{"-1", "0", "1", "2"}));
  EXPECT_EQ(values, (std::set<std::string>{"\"a\"", "true", "[1, 2]"}));
}

TEST(SweepDraws, RangesThatAreNoneAreSaid) {
  EXPECT_THAT(refusal("uniform", {"1"}), HasSubstr("two numbers"));
  EXPECT_THAT(refusal("uniform", {"2", "1"}), HasSubstr("less than"));
  EXPECT_THAT(refusal("uniform", {"1", "1"}), HasSubstr("less than"));
  EXPECT_THAT(refusal("uniform", {"\"a\"", "1"}), HasSubstr("finite"));
  EXPECT_THAT(refusal("uniform", {"0", "inf"}), HasSubstr("finite"));
  EXPECT_THAT(refusal("uniform", {"-1e308", "1e308"}), HasSubstr("finite"));
  EXPECT_THAT(refusal("log_uniform", {"0", "1"}), HasSubstr("above 0"));
  EXPECT_THAT(refusal("int", {"1.5", "2"}), HasSubstr("whole"));
  EXPECT_THAT(refusal("int", {"-9223372036854775807", "9223372036854775807"}), HasSubstr("2^31"));
  EXPECT_THAT(refusal("choice", {}), HasSubstr("choose"));
}

}  // namespace
}  // namespace catamaran
