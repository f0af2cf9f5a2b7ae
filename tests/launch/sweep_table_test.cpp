#include "launch/sweep_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two batches with three seeds each; the second point has no value, the last two failed.
struct Made {
  SweepPlan plan;
  SweepState state;
};
Made made() {
  Made made;
  made.plan.name = "made";
  made.plan.keys = {"batch.global", "optimizer.name", "run.seed"};
  const std::vector<std::optional<double>> values = {0.5, std::nullopt, 0.7,
                                                     0.9, std::nullopt, std::nullopt};
  for (size_t i = 0; i < values.size(); ++i) {
    SweepPoint point;
    point.index = static_cast<int64_t>(i);
    point.id = "00000000000" + std::to_string(i);
    point.folder = "/out/" + point.id;
    point.values = {{"batch.global", i < 3 ? "32" : "64"},
                    {"optimizer.name", "\"a|b, c\""},
                    {"run.seed", std::to_string(i % 3)}};
    point.group = static_cast<int64_t>(i / 3);
    point.batch = 32;
    point.steps = 100;
    made.plan.points.push_back(point);
    PointState here;
    here.value = values[i];
    here.phase = values[i] ? PointPhase::kDone
                 : i == 1  ? PointPhase::kPending
                           : PointPhase::kFailed;
    if (i > 3)
      here.reason = "rank 0: " + point.folder.string() + " is full at step " + std::to_string(i);
    made.state.points.push_back(here);
  }
  return made;
}

TEST(SweepTable, TheBestComesFirstAndPointsWithoutAValueLast) {
  Made made = catamaran::made();
  EXPECT_THAT(ordered(made.plan, made.state, PointOrder::kBest), ElementsAre(3, 2, 0, 1, 4, 5));
  EXPECT_THAT(ordered(made.plan, made.state, PointOrder::kIndex), ElementsAre(0, 1, 2, 3, 4, 5));
  made.plan.higher_is_better = false;
  EXPECT_THAT(ordered(made.plan, made.state, PointOrder::kBest), ElementsAre(0, 2, 3, 1, 4, 5));
}

TEST(SweepTable, SeedsHaveAMeanAndTheSamplesDeviation) {
  const Made made = catamaran::made();
  const std::vector<SeedGroup> groups = seed_groups(made.plan, made.state);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_DOUBLE_EQ(*groups[0].mean, 0.9);
  EXPECT_FALSE(groups[0].sd);  // of one value there is none
  EXPECT_DOUBLE_EQ(*groups[1].mean, 0.6);
  EXPECT_NEAR(*groups[1].sd, std::sqrt(0.02), 1e-12);  // two values, 0.1 from the mean
  EXPECT_EQ(groups[1].count, 2);
  EXPECT_THAT(groups[1].indices, ElementsAre(0, 1, 2));
  EXPECT_EQ(groups[1].values.size(), 2u);  // without the seed
  EXPECT_THAT(seeds_text(made.plan, made.state), HasSubstr("60.00 % ± 14.14 %"));
  EXPECT_THAT(seeds_text(made.plan, made.state), HasSubstr("2 of 3"));
}

TEST(SweepTable, FailuresAreGroupedByCauseWhateverPointAndNumbers) {
  Made made = catamaran::made();
  const std::vector<FailureGroup> groups = failure_groups(made.plan, made.state);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_THAT(groups[0].indices, ElementsAre(4, 5));
  EXPECT_THAT(failures_text(made.plan, made.state),
              HasSubstr("2 failed (4-5): rank 0: /out/000000000004 is full at step 4\n"));
  made.state.points[5].reason = "another";
  EXPECT_EQ(failure_groups(made.plan, made.state).size(), 2u);
  EXPECT_EQ(counts_text(made.state), "3 done, 1 pending, 2 failed");
}

TEST(SweepTable, MarkdownEscapesAndLinesUp) {
  const Made made = catamaran::made();
  const std::string table = points_text(made.plan, made.state, PointOrder::kBest);
  EXPECT_THAT(table, HasSubstr("a\\|b, c"));
  EXPECT_THAT(table, HasSubstr("90.00 %"));
  size_t width = 0;
  for (size_t at = 0; at < table.size();) {
    const size_t end = table.find('\n', at);
    if (width == 0) width = end - at;
    EXPECT_EQ(end - at, width);
    at = end + 1;
  }
}

TEST(SweepTable, CsvQuotesWhatNeedsIt) {
  const Made made = catamaran::made();
  const std::string csv = points_csv(made.plan, made.state, PointOrder::kIndex);
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "index,id,batch.global,optimizer.name,run.seed,state,step,steps,best_map,images_per_"
            "second,busy_seconds,folder,reason");
  EXPECT_THAT(csv, HasSubstr("\n0,000000000000,32,\"a|b, c\",0,done,0,100,0.5,0.0,0.0,"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 7);
  EXPECT_THAT(seeds_csv(made.plan, made.state), HasSubstr("\n64,\"a|b, c\",3,1,0.9,\n"));
}

TEST(SweepTable, JsonHasPointsGroupsFailuresAndWhatIsOpen) {
  const Made made = catamaran::made();
  const nlohmann::json root = sweep_json(made.plan, made.state, PointOrder::kBest);
  EXPECT_EQ(root["points"][0]["index"], 3);
  EXPECT_EQ(root["points"][0]["samples"], 3200);
  EXPECT_EQ(root["points"][0]["values"]["batch.global"], "64");
  EXPECT_TRUE(root["points"][5]["value"].is_null());
  EXPECT_EQ(root["counts"]["failed"], 2);
  EXPECT_EQ(root["failures"][0]["indices"], (nlohmann::json{4, 5}));
  EXPECT_EQ(root["array"], "1,4-5");
  EXPECT_EQ(root["groups"][1]["with_value"], 2);
}

TEST(SweepTable, ALossIsNoShare) {
  EXPECT_EQ(value_text("best_map", 0.7123), "71.23 %");
  EXPECT_EQ(value_text("last_loss", 0.71234), "0.7123");
}

}  // namespace
}  // namespace catamaran
