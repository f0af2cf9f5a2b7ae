// Curves and confusions, by hand and against scikit-learn: tests/golden/evaluation_curves.py.
#include "evaluation/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "evaluation/sigmoid.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Point = std::array<int64_t, 2>;  // predicted, true positives
using Pair = std::array<int64_t, 4>;   // first, second, images, of

ScoreTable table_of(std::vector<std::string> classes, std::vector<float> scores,
                    std::vector<int8_t> labels) {
  ScoreTable table;
  table.images = static_cast<int64_t>(scores.size() / classes.size());
  for (int64_t i = 0; i < table.images; ++i) table.indices.push_back(i);
  table.classes = std::move(classes);
  table.scores = std::move(scores);
  table.labels = std::move(labels);
  return table;
}

std::vector<Point> points_of(const PrecisionRecallCurve& curve) {
  std::vector<Point> points;
  for (const CurvePoint& point : curve.points)
    points.push_back({point.predicted, point.true_positives});
  return points;
}

std::vector<Pair> pairs_of(const std::vector<ConfusedPair>& pairs) {
  std::vector<Pair> plain;
  for (const ConfusedPair& p : pairs) plain.push_back({p.first, p.second, p.images, p.of});
  return plain;
}

PrecisionRecallCurve curve_of(const std::vector<float>& scores, const std::vector<int8_t>& labels,
                              int64_t most) {
  Ranking ranking;
  ranking.sort(scores, labels, 1);
  return precision_recall(ranking, most);
}

TEST(PrecisionRecall, HasAPointForEveryPositiveWhereThereAreFew) {
  const auto curve = curve_of({4, 3, 2, 1, 0}, {1, -1, 1, -1, -1}, 50);
  EXPECT_THAT(points_of(curve), ElementsAre(Point{1, 1}, Point{3, 2}));
  EXPECT_EQ(curve.positives, 2);
  EXPECT_DOUBLE_EQ(curve.recall(0), 0.5);
  EXPECT_DOUBLE_EQ(curve.points[1].precision(), 2.0 / 3);
  EXPECT_FLOAT_EQ(curve.points[1].score, 2);
}

TEST(PrecisionRecall, OfManyPositivesKeepsTheFirstPointOfEachShareAndTheLast) {
  std::vector<float> scores;
  for (int i = 0; i < 10; ++i) scores.push_back(static_cast<float>(-i));
  const auto curve = curve_of(scores, std::vector<int8_t>(10, 1), 4);
  EXPECT_THAT(points_of(curve), ElementsAre(Point{3, 3}, Point{5, 5}, Point{8, 8}, Point{10, 10}))
      << "recall of 1/4, exactly 1/2, 3/4 and 1";
}

TEST(PrecisionRecall, TakesABlockOfTiesAsOnePointAndTellsNegativeScores) {
  const auto curve = curve_of({-1.5F, -1.5F, -1.5F, -2}, {1, -1, 1, 1}, 50);
  EXPECT_THAT(points_of(curve), ElementsAre(Point{3, 2}, Point{4, 3}));
  EXPECT_FLOAT_EQ(curve.points[0].score, -1.5F);
  EXPECT_FLOAT_EQ(curve.points[1].score, -2);
}

TEST(PrecisionRecall, WithoutPositivesHasNoPoint) {
  EXPECT_THAT(curve_of({1, 2}, {-1, 0}, 50).points, IsEmpty());
  EXPECT_THAT(curve_of({}, {}, 50).points, IsEmpty());
}

// cat and dog and cow; a row per image.
TEST(Confusions, TellsWhatWasMissedAndInventedBesideWhat) {
  const ScoreTable table = table_of({"cat", "dog", "cow"},
                                    {-1, +1, -1,   // cat taken for a dog
                                     -1, +1, -1,   // again
                                     +1, -1, +1,   // right cat, missed dog, invented cow
                                     +1, +1, -1},  // all right
                                    {1, -1, -1,    //
                                     1, -1, -1,    //
                                     1, 1, -1,     //
                                     1, 1, -1});
  const Confusions c =
      confusions(table, std::vector<double>(3, 0.5), IgnoredLabels::kIgnore, kMostPairs);
  EXPECT_THAT(pairs_of(c.mistaken), ElementsAre(Pair{0, 1, 2, 2}, Pair{1, 2, 1, 1}));
  EXPECT_THAT(pairs_of(c.invented),
              ElementsAre(Pair{1, 0, 2, 2}, Pair{2, 0, 1, 4}, Pair{2, 1, 1, 2}));
  EXPECT_THAT(pairs_of(c.missed), ElementsAre(Pair{1, 0, 1, 2}));
  EXPECT_EQ(c.classes[0].true_positives, 2);
  EXPECT_EQ(c.classes[0].false_negatives, 2);
  EXPECT_EQ(c.classes[1].false_positives, 2);
}

TEST(Confusions, CountsAnIgnoredLabelNowhereOrAsAbsent) {
  const ScoreTable table = table_of({"a", "b"}, {1, 1}, {0, 1});
  const std::vector<double> half(2, 0.5);
  const Confusions ignored = confusions(table, half, IgnoredLabels::kIgnore, kMostPairs);
  EXPECT_EQ(ignored.classes[0].false_positives, 0);
  EXPECT_THAT(ignored.invented, IsEmpty());
  const Confusions negative = confusions(table, half, IgnoredLabels::kNegative, kMostPairs);
  EXPECT_EQ(negative.classes[0].false_positives, 1);
  EXPECT_THAT(pairs_of(negative.invented), ElementsAre(Pair{0, 1, 1, 1}));
}

TEST(Confusions, PredictsALabelWhoseProbabilityIsItsThreshold) {
  const ScoreTable table = table_of({"a", "b"}, {0, 0}, {-1, -1});
  const Confusions c =
      confusions(table, std::vector<double>{0.5, 0.51}, IgnoredLabels::kIgnore, kMostPairs);
  EXPECT_EQ(c.classes[0].false_positives, 1);
  EXPECT_EQ(c.classes[1].false_positives, 0);
}

TEST(Confusions, KeepsTheMostFrequentPairsAndTiesInTheOrderOfClasses) {
  const ScoreTable table = table_of({"a", "b", "c"}, {-1, 1, 1}, {1, -1, -1});
  const Confusions c = confusions(table, std::vector<double>(3, 0.5), IgnoredLabels::kIgnore, 1);
  EXPECT_THAT(pairs_of(c.mistaken), ElementsAre(Pair{0, 1, 1, 1}));
}

TEST(EvaluationCurves, AreBoundedWhateverTheNumberOfClasses) {
  const size_t classes = kMostPairedClasses + 1;
  std::vector<std::string> names(classes, "x");
  const ScoreTable table =
      table_of(names, std::vector<float>(classes, 1), std::vector<int8_t>(classes, -1));
  const EvaluationCurves curves = curves_of(table, protocol("default"));
  EXPECT_THAT(curves.by_class, IsEmpty());
  EXPECT_THAT(curves.confusions.invented, IsEmpty());
  EXPECT_EQ(curves.confusions.classes.size(), classes);
}

TEST(EvaluationCurves, OfEightyClassesFitIntoATenthOfAMegabyte) {
  constexpr size_t kClasses = 80, kImages = 4000;
  std::vector<float> scores;
  std::vector<int8_t> labels;
  for (size_t i = 0; i < kImages * kClasses; ++i) {
    scores.push_back(static_cast<float>(std::sin(static_cast<double>(i) * 1.7)) * 9);
    labels.push_back(i * 7919 % 13 < 3 ? 1 : -1);
  }
  const ScoreTable table = table_of(std::vector<std::string>(kClasses, "traffic light"),
                                    std::move(scores), std::move(labels));
  const EvaluationCurves curves = curves_of(table, protocol("default"));
  EXPECT_EQ(curves.by_class.front().points.size(), 50u);
  EXPECT_LT(curves_json(curves).size(), 110'000u);
}

TEST(EvaluationCurves, RefuseAScoreThatIsNotANumber) {
  EXPECT_THROW(curves_of(table_of({"a"}, {std::nanf("")}, {1}), protocol("default")),
               NumericsError);
}

TEST(EvaluationCurves, AreWrittenWithThresholdsAsProbabilities) {
  const auto root = nlohmann::json::parse(curves_json(
      curves_of(table_of({"a", "b"}, {2, -3, 0, 1}, {1, -1, 1, -1}), protocol("default"))));
  EXPECT_EQ(root["classes"], (nlohmann::json{"a", "b"}));
  EXPECT_EQ(root["precision_recall"][0]["predicted"], (nlohmann::json{1, 2}));
  EXPECT_NEAR(root["precision_recall"][0]["threshold"][0].get<double>(), sigmoid(2.0), 1e-6);
  EXPECT_EQ(root["precision_recall"][1]["positives"], 0);
  EXPECT_EQ(root["invented"], (nlohmann::json::array({{1, 0, 1, 2}})));
  EXPECT_EQ(root["counts"]["false_positives"], (nlohmann::json{0, 1}));
}

class GoldenCurves : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CATAMARAN_GOLDEN");
    ASSERT_NE(folder, nullptr) << "CATAMARAN_GOLDEN names the golden values; ctest sets it";
    const auto path = std::filesystem::path(folder) / "curves.json";
    tables_ = read_json_file(path, ErrorKind::kData)["tables"];
    ASSERT_GE(tables_.size(), 6u);
  }

  static ScoreTable table(const nlohmann::json& golden) {
    std::vector<std::string> classes;
    for (int c = 0; c < golden["classes"]; ++c) classes.push_back("class " + std::to_string(c));
    return table_of(std::move(classes), golden["scores"].get<std::vector<float>>(),
                    golden["labels"].get<std::vector<int8_t>>());
  }

  static void expect_curve(const PrecisionRecallCurve& curve, const nlohmann::json& golden) {
    EXPECT_EQ(curve.positives, golden["positives"]);
    const auto predicted = golden["predicted"].get<std::vector<int64_t>>();
    const auto hits = golden["true_positives"].get<std::vector<int64_t>>();
    const auto scores = golden["score"].get<std::vector<float>>();
    std::vector<Point> expected;
    for (size_t k = 0; k < predicted.size(); ++k) expected.push_back({predicted[k], hits[k]});
    ASSERT_EQ(points_of(curve), expected);
    for (size_t k = 0; k < scores.size(); ++k) EXPECT_EQ(curve.points[k].score, scores[k]);
  }

  static void expect_pairs(const std::vector<ConfusedPair>& pairs, const nlohmann::json& golden) {
    EXPECT_EQ(pairs_of(pairs), golden.get<std::vector<Pair>>());
  }

  nlohmann::json tables_;
};

TEST_F(GoldenCurves, PointsAreScikitLearns) {
  for (const auto& golden : tables_) {
    const EvaluationCurves curves = curves_of(table(golden), protocol("default"));
    ASSERT_EQ(curves.by_class.size(), golden["classes"]);
    for (size_t c = 0; c < curves.by_class.size(); ++c) {
      SCOPED_TRACE(golden["name"].get<std::string>() + ", class " + std::to_string(c));
      expect_curve(curves.by_class[c], golden["curves"][c]);
    }
    SCOPED_TRACE(golden["name"].get<std::string>() + ", pooled");
    expect_curve(*curves.pooled, golden["pooled"]);
  }
}

TEST_F(GoldenCurves, ConfusionsAreThoseOfMatrices) {
  for (const auto& golden : tables_) {
    for (const IgnoredLabels rule : {IgnoredLabels::kIgnore, IgnoredLabels::kNegative}) {
      const auto& expected = golden[rule == IgnoredLabels::kIgnore ? "ignore" : "negative"];
      SCOPED_TRACE(golden["name"].get<std::string>());
      const ScoreTable scores = table(golden);
      const Confusions c =
          confusions(scores, std::vector<double>(scores.classes.size(), 0.5), rule, kMostPairs);
      for (size_t k = 0; k < c.classes.size(); ++k) {
        EXPECT_EQ(c.classes[k].true_positives, expected["true_positives"][k]);
        EXPECT_EQ(c.classes[k].false_positives, expected["false_positives"][k]);
        EXPECT_EQ(c.classes[k].false_negatives, expected["false_negatives"][k]);
      }
      expect_pairs(c.mistaken, expected["mistaken"]);
      expect_pairs(c.invented, expected["invented"]);
      expect_pairs(c.missed, expected["missed"]);
    }
  }
}

}  // namespace
}  // namespace catamaran
