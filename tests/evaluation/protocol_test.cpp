#include "evaluation/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

ScoreTable table_of(std::vector<std::string> classes, std::vector<float> scores,
                    std::vector<int8_t> labels) {
  ScoreTable table;
  table.images = static_cast<int64_t>(scores.size() / classes.size());
  for (int64_t i = 0; i < table.images; ++i) table.indices.push_back(100 + i);
  table.classes = std::move(classes);
  table.scores = std::move(scores);
  table.labels = std::move(labels);
  return table;
}

TEST(Protocol, OfAnUnknownNameIsRefusedWithTheKnownOnes) {
  try {
    protocol("coco");
    FAIL() << "an unknown protocol was accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'coco'"));
    EXPECT_THAT(error.what(), HasSubstr("default, mlgcn, voc2010, voc2007"));
  }
  EXPECT_THAT(protocol_names(), ElementsAre("default", "mlgcn", "voc2010", "voc2007"));
}

TEST(Evaluate, LeavesAClassWithoutPositivesOutOfTheMeanAndSaysSo) {
  const Evaluation result = evaluate(
      table_of({"cat", "dog"}, {2, 1, -1, 3, 1, 0}, {1, -1, -1, -1, 1, 0}), protocol("default"));
  EXPECT_THAT(result.ap, ElementsAre(Optional(DoubleEq(1.0)), std::nullopt));
  EXPECT_DOUBLE_EQ(result.map, 1.0);
  EXPECT_EQ(result.classes_without_positives, 1);
  EXPECT_TRUE(nlohmann::json::parse(evaluation_json(result))["ap"]["dog"].is_null());
}

TEST(Evaluate, CountsAProbabilityOnTheThresholdAsPredicted) {
  ScoreTable table = table_of({"cat"}, {0.0f}, {1});
  EXPECT_DOUBLE_EQ(evaluate(table, protocol("default")).all.orr, 1.0);
  table.scores[0] = -1e-6f;
  EXPECT_DOUBLE_EQ(evaluate(table, protocol("default")).all.orr, 0.0);
}

TEST(Evaluate, AppliesOtherThresholdsToTheProbability) {
  const auto logit = static_cast<float>(std::log(0.8 / 0.2));
  const ScoreTable table = table_of({"cat"}, {logit + 1e-3f, logit - 1e-3f}, {1, 1});
  Protocol strict = protocol("default");
  strict.threshold = 0.8;
  EXPECT_DOUBLE_EQ(evaluate(table, strict).all.orr, 0.5);
}

TEST(Evaluate, TakesTheTopThreeOnlyAboveTheThreshold) {
  // Predicted: all {a, b, d, e}; top 3 {a, b, d}. Positives: a, c, d, e.
  const Evaluation result = evaluate(
      table_of({"a", "b", "c", "d", "e"}, {5, 4, -1, 3, 2}, {1, -1, 1, 1, 1}), protocol("default"));
  EXPECT_DOUBLE_EQ(result.all.op, 3.0 / 4);
  EXPECT_DOUBLE_EQ(result.all.orr, 3.0 / 4);
  EXPECT_DOUBLE_EQ(result.top3.op, 2.0 / 3);
  EXPECT_DOUBLE_EQ(result.top3.orr, 2.0 / 4);
  const Evaluation timid =
      evaluate(table_of({"a", "b", "c", "d"}, {1, -1, -2, -3}, {1, 1, 1, 1}), protocol("default"));
  EXPECT_DOUBLE_EQ(timid.top3.orr, 1.0 / 4) << "a label below the threshold counted";
}

TEST(Evaluate, BreaksTiesOfTheTopThreeByTheLowerClass) {
  const Evaluation result =
      evaluate(table_of({"a", "b", "c", "d"}, {1, 1, 1, 1}, {-1, 1, 1, 1}), protocol("default"));
  EXPECT_DOUBLE_EQ(result.top3.op, 2.0 / 3);
  EXPECT_DOUBLE_EQ(result.top3.orr, 2.0 / 3);
}

TEST(Evaluate, LetsAnIgnoredLabelKeepItsPlaceAmongTheTopThree) {
  const Evaluation result =
      evaluate(table_of({"a", "b", "c", "d"}, {4, 3, 2, 1}, {0, 1, 1, 1}), protocol("default"));
  EXPECT_DOUBLE_EQ(result.top3.op, 1.0);
  EXPECT_DOUBLE_EQ(result.top3.orr, 2.0 / 3);
}

TEST(Evaluate, TreatsDifficultLabelsAsTheProtocolSays) {
  const ScoreTable table = table_of({"cat"}, {2, 1, 3}, {1, -1, 0});
  const Evaluation ignored = evaluate(table, protocol("default"));
  const Evaluation negative = evaluate(table, protocol("mlgcn"));
  EXPECT_DOUBLE_EQ(ignored.all.op, 1.0 / 2);
  EXPECT_DOUBLE_EQ(negative.all.op, 1.0 / 3);
  EXPECT_DOUBLE_EQ(ignored.map, 1.0);
  EXPECT_DOUBLE_EQ(negative.map, 1.0) << "AP ignores difficult labels in every protocol";
}

TEST(Evaluate, NamesImageAndClassOfAScoreThatIsNotANumber) {
  const ScoreTable table =
      table_of({"cat", "dog"}, {1, 2, 3, std::nanf("")}, {1, 0, -1, 0});  // the label is ignored
  try {
    evaluate(table, protocol("default"));
    FAIL() << "NaN was ranked";
  } catch (const NumericsError& error) {
    EXPECT_THAT(error.what(), HasSubstr("image 101"));
    EXPECT_THAT(error.what(), HasSubstr("'dog'"));
  }
}

TEST(Evaluate, OfNoImagesHasNoPrecision) {
  const Evaluation result = evaluate(table_of({"cat"}, {}, {}), protocol("default"));
  EXPECT_EQ(result.ap[0], std::nullopt);
  EXPECT_EQ(result.map, 0);
  EXPECT_EQ(result.all.of1, 0);
}

TEST(Evaluate, RefusesATableWhoseSizesDisagree) {
  ScoreTable table = table_of({"cat", "dog"}, {1, 2}, {1, -1});
  table.labels.pop_back();
  EXPECT_THROW(evaluate(table, protocol("default")), std::logic_error);
}

TEST(EvaluationJson, HasTheKeysThatProgramsRelyOn) {
  const Evaluation result =
      evaluate(table_of({"cat \"x\"", "dog"}, {2, -1, -1, 3, 1, 0}, {1, -1, -1, 1, 1, 0}),
               protocol("mlgcn"));
  const auto root = nlohmann::json::parse(evaluation_json(result));
  EXPECT_EQ(root["protocol"], "mlgcn");
  EXPECT_EQ(root["images"], 3);
  EXPECT_EQ(root["classes"], 2);
  EXPECT_EQ(root["threshold"], 0.5);
  EXPECT_DOUBLE_EQ(root["map"], result.map);
  EXPECT_DOUBLE_EQ(root["ap"]["cat \"x\""], *result.ap[0]);
  EXPECT_DOUBLE_EQ(root["or"], result.all.orr);
  for (const char* key : {"op", "or", "of1", "cp", "cr", "cf1"}) {
    EXPECT_TRUE(root[key].is_number()) << key;
    EXPECT_TRUE(root["top3"][key].is_number()) << key;
  }
  EXPECT_DOUBLE_EQ(root["top3"]["cf1"], result.top3.cf1);
}

}  // namespace
}  // namespace catamaran
