#include "evaluation/image_losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ScoreTable table_of(size_t classes, std::vector<float> scores, std::vector<int8_t> labels) {
  ScoreTable table;
  table.classes.assign(classes, "x");
  table.images = static_cast<int64_t>(scores.size() / classes);
  for (int64_t i = 0; i < table.images; ++i) table.indices.push_back(i);
  table.scores = std::move(scores);
  table.labels = std::move(labels);
  return table;
}

std::vector<int64_t> rows_of(const std::vector<RankedImage>& images) {
  std::vector<int64_t> rows;
  for (const RankedImage& image : images) rows.push_back(image.row);
  return rows;
}

TEST(ImageLosses, AreTheMeanCrossEntropyOfTheLabelsThatAreNotIgnored) {
  const auto losses = image_losses(table_of(3, {2, -1, 50, 0, 0, 0}, {1, -1, 0, 0, 0, 0}));
  ASSERT_TRUE(losses[0].has_value());
  const double present = -std::log(1 / (1 + std::exp(-2.0)));
  const double absent = -std::log(1 - 1 / (1 + std::exp(1.0)));
  EXPECT_NEAR(*losses[0], (present + absent) / 2, 1e-12);
  EXPECT_FALSE(losses[1].has_value()) << "every label is ignored";
}

TEST(ImageLosses, StayFiniteForScoresOfAnySize) {
  const auto losses = image_losses(table_of(1, {-1e4F, 1e4F}, {1, 1}));
  EXPECT_DOUBLE_EQ(*losses[0], 1e4);
  EXPECT_DOUBLE_EQ(*losses[1], 0);
}

TEST(BestAndWorst, AreByLossAndNoImageIsBoth) {
  const ScoreTable table = table_of(1, {1, 3, 2, -1}, {1, 1, 1, 1});
  const BestAndWorst found = best_and_worst(table, 2, 3);
  EXPECT_THAT(rows_of(found.best), ElementsAre(1, 2));
  EXPECT_THAT(rows_of(found.worst), ElementsAre(3, 0)) << "two are left";
  EXPECT_GT(found.worst[0].loss, found.worst[1].loss);
}

TEST(BestAndWorst, LeaveImagesWithoutALabelOutOfTheBest) {
  const ScoreTable table = table_of(1, {-9, 1, 4}, {-1, 1, -1});
  EXPECT_THAT(rows_of(best_and_worst(table, 3, 0).best), ElementsAre(1));
  EXPECT_THAT(rows_of(best_and_worst(table, 0, 1).worst), ElementsAre(2));
  EXPECT_THAT(best_and_worst(table, 0, 0).worst, IsEmpty());
}

TEST(BestAndWorst, TakeTheEarlierRowOfTies) {
  const ScoreTable table = table_of(1, {1, 1, 1}, {1, 1, 1});
  EXPECT_THAT(rows_of(best_and_worst(table, 1, 0).best), ElementsAre(0));
  EXPECT_THAT(rows_of(best_and_worst(table, 0, 1).worst), ElementsAre(0));
}

TEST(BestAndWorst, RefuseAScoreThatIsNotANumber) {
  EXPECT_THROW(best_and_worst(table_of(1, {std::nanf("")}, {1}), 1, 1), NumericsError);
}

}  // namespace
}  // namespace catamaran
