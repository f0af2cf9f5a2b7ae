// evaluation/ against scikit-learn and numpy: tests/golden/evaluation_scores.py makes the values.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "evaluation/protocol.h"
#include "support/json.h"

namespace catamaran {
namespace {

constexpr double kTolerance = 1e-12;  // both sides are doubles; only the order of sums differs

ScoreTable table_of(const nlohmann::json& golden) {
  ScoreTable table;
  table.images = golden["images"];
  for (int c = 0; c < golden["classes"]; ++c) table.classes.push_back("class " + std::to_string(c));
  for (int64_t i = 0; i < table.images; ++i) table.indices.push_back(i);
  table.scores = golden["scores"].get<std::vector<float>>();
  table.labels = golden["labels"].get<std::vector<int8_t>>();
  return table;
}

class Golden : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CATAMARAN_GOLDEN");
    ASSERT_NE(folder, nullptr) << "CATAMARAN_GOLDEN names the golden values; ctest sets it";
    const auto path = std::filesystem::path(folder) / "tables.json";
    tables_ = read_json_file(path, ErrorKind::kData)["tables"];
    ASSERT_GE(tables_.size(), 8u);
  }

  void expect_ap(const std::string& name, ApDefinition definition) const {
    for (const auto& golden : tables_) {
      const ScoreTable table = table_of(golden);
      const Evaluation result = evaluate(table, {name, definition, IgnoredLabels::kIgnore, 0.5});
      for (size_t c = 0; c < table.classes.size(); ++c) {
        SCOPED_TRACE(golden["name"].get<std::string>() + ", class " + std::to_string(c));
        const nlohmann::json& expected = golden["ap"][name][c];
        ASSERT_EQ(result.ap[c].has_value(), !expected.is_null());
        if (expected.is_null()) continue;
        EXPECT_NEAR(*result.ap[c], expected.get<double>(), kTolerance);
      }
    }
  }

  nlohmann::json tables_;
};

TEST_F(Golden, AveragePrecisionIsScikitLearns) { expect_ap("sklearn", ApDefinition::kSklearn); }

TEST_F(Golden, AveragePrecisionOfMlGcnIsTheMeanOverPositives) {
  expect_ap("mlgcn", ApDefinition::kMlGcn);
}

TEST_F(Golden, AveragePrecisionUnderTheEnvelopeFollowsScikitLearnsCurve) {
  expect_ap("envelope", ApDefinition::kEnvelope);
}

TEST_F(Golden, ElevenPointAveragePrecisionFollowsScikitLearnsCurve) {
  expect_ap("eleven_point", ApDefinition::kElevenPoint);
}

TEST_F(Golden, FMeasuresAreThoseOfTheFormulas) {
  for (const auto& golden : tables_) {
    const ScoreTable table = table_of(golden);
    for (const int64_t top : {0, 3}) {
      for (const IgnoredLabels ignored : {IgnoredLabels::kIgnore, IgnoredLabels::kNegative}) {
        const std::string name = std::string(top > 0 ? "top3" : "all") +
                                 (ignored == IgnoredLabels::kIgnore ? "_ignore" : "_negative");
        SCOPED_TRACE(golden["name"].get<std::string>() + ", " + name);
        const nlohmann::json& expected = golden["f"][name];
        const FMeasures f = f_measures(table, 0.5, top, ignored);
        EXPECT_NEAR(f.op, expected["op"].get<double>(), kTolerance);
        EXPECT_NEAR(f.orr, expected["or"].get<double>(), kTolerance);
        EXPECT_NEAR(f.of1, expected["of1"].get<double>(), kTolerance);
        EXPECT_NEAR(f.cp, expected["cp"].get<double>(), kTolerance);
        EXPECT_NEAR(f.cr, expected["cr"].get<double>(), kTolerance);
        EXPECT_NEAR(f.cf1, expected["cf1"].get<double>(), kTolerance);
      }
    }
  }
}

}  // namespace
}  // namespace catamaran
