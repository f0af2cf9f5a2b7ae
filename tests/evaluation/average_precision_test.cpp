#include "evaluation/average_precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::DoubleNear;
using ::testing::Optional;

// Labels in rank order, with scores that fall.
std::optional<double> ap_of_ranked(const std::vector<int8_t>& labels, ApDefinition definition) {
  std::vector<float> scores(labels.size());
  std::iota(scores.rbegin(), scores.rend(), -2.0f);
  return average_precision(scores, labels, 1, definition);
}

TEST(AveragePrecision, MatchesTheGoldenVectors) {
  struct Vector {
    std::vector<int8_t> labels;
    double plain, envelope, eleven_point;
  };
  for (const Vector& v : {Vector{{1, -1, 1, -1, 1}, .755556, .755556, .763636},
                          Vector{{-1, 1, 1}, .583333, .666667, .666667},
                          Vector{{1, 1, -1, -1, 1}, .866667, .866667, .854545}}) {
    const auto near = [](double value) { return Optional(DoubleNear(value, 1e-6)); };
    EXPECT_THAT(ap_of_ranked(v.labels, ApDefinition::kSklearn), near(v.plain));
    EXPECT_THAT(ap_of_ranked(v.labels, ApDefinition::kMlGcn), near(v.plain));
    EXPECT_THAT(ap_of_ranked(v.labels, ApDefinition::kEnvelope), near(v.envelope));
    EXPECT_THAT(ap_of_ranked(v.labels, ApDefinition::kElevenPoint), near(v.eleven_point));
  }
}

TEST(AveragePrecision, OfTiedScoresDependsOnTheOrderOnlyInMlGcnsDefinition) {
  const std::vector<float> scores = {.9f, .8f, .8f, .7f, .6f};
  const std::vector<int8_t> good_first = {1, 1, -1, -1, 1};
  const std::vector<int8_t> bad_first = {1, -1, 1, -1, 1};
  EXPECT_THAT(average_precision(scores, good_first, 1, ApDefinition::kMlGcn),
              Optional(DoubleNear(.866667, 1e-6)));
  EXPECT_THAT(average_precision(scores, bad_first, 1, ApDefinition::kMlGcn),
              Optional(DoubleNear(.755556, 1e-6)));
  for (const auto definition :
       {ApDefinition::kSklearn, ApDefinition::kEnvelope, ApDefinition::kElevenPoint}) {
    EXPECT_EQ(average_precision(scores, good_first, 1, definition),
              average_precision(scores, bad_first, 1, definition));
  }
  EXPECT_THAT(average_precision(scores, good_first, 1, ApDefinition::kSklearn),
              Optional(DoubleNear(.755556, 1e-6)));
}

TEST(AveragePrecision, OfAClassWithoutPositivesDoesNotExist) {
  const std::vector<float> scores = {.9f, .1f};
  for (const auto definition : {ApDefinition::kSklearn, ApDefinition::kMlGcn,
                                ApDefinition::kEnvelope, ApDefinition::kElevenPoint}) {
    EXPECT_EQ(average_precision(scores, std::vector<int8_t>{-1, 0}, 1, definition), std::nullopt);
  }
  EXPECT_EQ(average_precision({}, {}, 1, ApDefinition::kSklearn), std::nullopt);
}

TEST(AveragePrecision, RemovesIgnoredLabelsBeforeRanking) {
  const std::vector<float> with = {.9f, .8f, .7f, .6f};
  const std::vector<float> without = {.9f, .7f, .6f};
  EXPECT_EQ(average_precision(with, std::vector<int8_t>{-1, 0, 1, -1}, 1, ApDefinition::kMlGcn),
            average_precision(without, std::vector<int8_t>{-1, 1, -1}, 1, ApDefinition::kMlGcn));
}

TEST(AveragePrecision, ReadsOneColumnOfARowMajorTable) {
  const std::vector<float> table = {.1f, .9f, .8f, .2f, .7f, .3f};  // 3 images, 2 classes
  const std::vector<int8_t> labels = {-1, 1, 1, -1, -1, 1};
  const std::span<const float> scores(table);
  const std::span<const int8_t> of(labels);
  EXPECT_EQ(average_precision(scores.subspan(0), of.subspan(0), 2, ApDefinition::kSklearn), 1.0);
  EXPECT_EQ(average_precision(scores.subspan(1), of.subspan(1), 2, ApDefinition::kSklearn), 1.0);
}

TEST(AveragePrecision, RefusesAScoreThatIsNotANumber) {
  const std::vector<float> scores = {.9f, std::nanf(""), .1f};
  const std::vector<int8_t> labels = {1, -1, 1};
  EXPECT_THROW(average_precision(scores, labels, 1, ApDefinition::kSklearn), NumericsError);
}

TEST(AveragePrecision, ReachesARecallThatIsExactlyATenth) {
  // 10 positives, 3 at the top and 7 behind ten negatives: recall .3 has precision 1, although .3
  // is no binary fraction, and all above it the 10 of 20 at the end.
  std::vector<int8_t> labels(20, 1);
  std::fill(labels.begin() + 3, labels.begin() + 13, int8_t{-1});
  EXPECT_THAT(ap_of_ranked(labels, ApDefinition::kElevenPoint),
              Optional(DoubleNear((4 * 1.0 + 7 * 0.5) / 11, 1e-12)));
}

TEST(Ranking, IsTheOrderOfAStableSort) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> scores(5000);
  std::vector<int8_t> labels(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i] = std::round(normal(random) * 40) * (i % 3 == 0 ? 1e-30f : 1e6f);
    labels[i] = random() % 4 == 0 ? 1 : -1;
  }
  scores[10] = std::numeric_limits<float>::infinity();
  scores[20] = -std::numeric_limits<float>::infinity();
  scores[30] = -0.0f;
  scores[31] = 0.0f;
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  Ranking ranking;
  ranking.sort(scores, labels, 1);
  const auto items = ranking.items();
  ASSERT_EQ(items.size(), scores.size());
  for (size_t rank = 0; rank < items.size(); ++rank) {
    ASSERT_EQ(Ranking::positive(items[rank]), labels[order[rank]] > 0) << "rank " << rank;
    if (rank == 0) continue;
    ASSERT_EQ(Ranking::same_score(items[rank - 1], items[rank]),
              scores[order[rank - 1]] == scores[order[rank]])
        << "rank " << rank;
  }
}

TEST(Ranking, IsEmptyAfterAClassWhereEveryLabelIsIgnored) {
  Ranking ranking;
  ranking.sort(std::vector<float>{1, 2}, std::vector<int8_t>{1, -1}, 1);
  ranking.sort(std::vector<float>{1, 2}, std::vector<int8_t>{0, 0}, 1);
  EXPECT_TRUE(ranking.items().empty());
  EXPECT_EQ(ranking.positives(), 0);
}

}  // namespace
}  // namespace catamaran
