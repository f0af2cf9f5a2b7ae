#include "launch/sweep_halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// Nine points of 100 steps, one to a group.
SweepPlan nine(std::vector<double> rungs, double keep) {
  SweepPlan plan;
  plan.halving = {.rungs = std::move(rungs), .keep = keep};
  for (int64_t i = 0; i < 9; ++i) {
    SweepPoint point;
    point.id = "p" + std::to_string(i);
    point.index = point.group = i;
    point.steps = 100;
    plan.points.push_back(point);
  }
  return plan;
}

std::vector<Contender> with_values(const std::vector<std::optional<double>>& values) {
  std::vector<Contender> all;
  for (size_t i = 0; i < values.size(); ++i)
    all.push_back(
        {.id = "p" + std::to_string(i), .group = static_cast<int64_t>(i), .value = values[i]});
  return all;
}

TEST(SweepHalving, ARungIsAStepBeforeTheLast) {
  EXPECT_EQ(step_of_rung(100, 0.25), 25);
  EXPECT_EQ(step_of_rung(10, 0.25), 3);    // rounded up
  EXPECT_EQ(step_of_rung(9, 1.0 / 3), 3);  // not 4, whatever a third is
  EXPECT_EQ(step_of_rung(10, 0.999), 9);
  EXPECT_EQ(step_of_rung(100, 1e-9), 1);
}

TEST(SweepHalving, TheBetterShareGoesOnAndTheLowerIndexOfEquals) {
  const Rung rung =
      decide(0.25, 1.0 / 3, true, with_values({0.5, 0.9, 0.7, 0.9, 0.1, 0.7, 0.2, 0.3, 0.4}));
  EXPECT_THAT(rung.kept, UnorderedElementsAre("p1", "p2", "p3"));
  EXPECT_EQ(*rung.bar, 0.7);
  const Rung lower = decide(0.25, 0.5, false, with_values({0.5, 0.9, 0.7}));
  EXPECT_THAT(lower.kept, UnorderedElementsAre("p0", "p2"));  // a half of three, rounded up
  EXPECT_EQ(*lower.bar, 0.7);
}

TEST(SweepHalving, OneAlwaysGoesOn) {
  EXPECT_EQ(decide(0.5, 0.01, true, with_values({0.1, 0.2, 0.15})).kept.size(), 1u);
}

TEST(SweepHalving, PointsWithoutAValueNeitherCountNorGoOn) {
  const Rung rung =
      decide(0.25, 0.5, true, with_values({std::nullopt, 0.1, std::nullopt, 0.2, 0.3, 0.05}));
  EXPECT_THAT(rung.kept, UnorderedElementsAre("p3", "p4"));
  EXPECT_EQ(rung.compared.size(), 6u);
}

TEST(SweepHalving, GroupsOfSeedsAreJudgedByTheirMeanAndGoOnTogether) {
  std::vector<Contender> all = with_values({0.9, 0.1, 0.6, 0.6, 0.2, std::nullopt});
  for (size_t i = 0; i < all.size(); ++i) all[i].group = static_cast<int64_t>(i / 2);
  const Rung rung = decide(0.5, 0.3, true, all);
  EXPECT_THAT(rung.kept, UnorderedElementsAre("p2", "p3"));  // 0.6, against 0.5 and 0.2
  EXPECT_EQ(*rung.bar, 0.6);
}

TEST(SweepHalving, APointGoesToItsRungWaitsAndThenGoesOnOrIsPruned) {
  const SweepPlan plan = nine({0.25, 0.5}, 0.5);
  RungRecord record;
  const ValueAt none = [](int64_t) { return std::optional<double>(); };
  const auto at = [&](int64_t steps, size_t point = 0) {
    return standing(plan, record, plan.points[point], steps, none);
  };
  EXPECT_EQ(at(0).until, 25);
  EXPECT_FALSE(at(24).waits);
  EXPECT_TRUE(at(25).waits);
  EXPECT_EQ(at(25).rung, 0u);
  record.rungs.push_back(decide(0.25, 0.5, true, with_values({0.5, 0.4, 0.3, 0.2})));
  EXPECT_FALSE(at(25).waits);
  EXPECT_FALSE(at(25).pruned);
  EXPECT_EQ(at(25).until, 50);
  EXPECT_TRUE(at(25, 3).pruned);
  EXPECT_TRUE(at(99, 3).pruned);
  EXPECT_EQ(at(24).until, 50);  // it has been there, though its start after that came to nothing
  EXPECT_TRUE(at(50).waits);
  EXPECT_EQ(at(50).rung, 1u);
  record.rungs.push_back(decide(0.5, 0.5, true, with_values({0.5, 0.4})));
  EXPECT_EQ(at(50).until, 0);  // to the end
  EXPECT_EQ(at(50).rung, 2u);
}

TEST(SweepHalving, WhoComesLateGoesOnWhereItIsAsGoodAsTheWorstThatDid) {
  const SweepPlan plan = nine({0.25}, 0.5);
  RungRecord record;
  std::vector<std::optional<double>> values = {0.5, 0.4, std::nullopt, 0.2};  // p2 had failed
  record.rungs.push_back(decide(0.25, 0.5, true, with_values(values)));
  EXPECT_EQ(*record.rungs[0].bar, 0.4);
  const auto is_pruned = [&](size_t point, std::optional<double> value) {
    return standing(plan, record, plan.points[point], 25,
                    [&](int64_t step) {
                      EXPECT_EQ(step, 25);  // by what it had at the rung, not later
                      return value;
                    })
        .pruned;
  };
  EXPECT_FALSE(is_pruned(7, 0.4));
  EXPECT_TRUE(is_pruned(7, 0.39));
  EXPECT_TRUE(is_pruned(7, std::nullopt));
  EXPECT_FALSE(is_pruned(2, 0.45));  // has mended since
  EXPECT_TRUE(is_pruned(3, 0.9));    // was judged already
}

TEST(SweepHalving, TheStepsThatAreExpectedFallFromRungToRung) {
  SweepPlan plan = nine({}, 0.5);
  EXPECT_EQ(expected_steps(plan), 900);
  plan = nine({0.25, 0.5}, 1.0 / 3);
  EXPECT_EQ(expected_steps(plan), 9 * 25 + 3 * 25 + 1 * 50);
}

TEST(SweepHalving, ARecordHoldsAsFarAsTheRungsAreTheSame) {
  SweepPlan plan = nine({0.25, 0.5}, 0.5);
  RungRecord record;
  record.metric = plan.metric;
  record.rungs.push_back(decide(0.25, 0.5, true, with_values({0.5, std::nullopt, 0.3})));
  record.rungs.push_back(decide(0.5, 0.5, true, with_values({0.5})));
  const nlohmann::json json = nlohmann::json::parse(rungs_json(record).dump());
  const RungRecord same = rungs_from_json(json, plan, "rungs.json");
  ASSERT_EQ(same.rungs.size(), 2u);
  EXPECT_EQ(same.rungs[0].kept, record.rungs[0].kept);
  EXPECT_EQ(same.rungs[0].compared, record.rungs[0].compared);
  EXPECT_EQ(same.rungs[0].bar, record.rungs[0].bar);
  plan.halving.rungs = {0.25, 0.75};
  EXPECT_EQ(rungs_from_json(json, plan, "rungs.json").rungs.size(), 1u);
  plan.halving.rungs = {0.1};
  EXPECT_EQ(rungs_from_json(json, plan, "rungs.json").rungs.size(), 0u);
  plan.halving.rungs = {0.25, 0.5};
  plan.metric = "last_of1";
  EXPECT_EQ(rungs_from_json(json, plan, "rungs.json").rungs.size(), 0u);
}

TEST(SweepHalving, AFileThatIsNoRecordIsRefusedByKey) {
  const SweepPlan plan = nine({0.25}, 0.5);
  for (const auto& [text, key] : std::vector<std::pair<std::string, std::string>>{
           {"{}", "format_version"},
           {R"({"format_version": 2})", "format_version"},
           {R"({"format_version": 1, "metric": "best_map", "rungs": 3})", "rungs"},
           {R"({"format_version": 1, "metric": "best_map", "rungs": [{"share": "x"}]})",
            "share"}}) {
    try {
      (void)rungs_from_json(nlohmann::json::parse(text), plan, "rungs.json");
      FAIL() << text;
    } catch (const Error& problem) {
      EXPECT_EQ(problem.kind(), ErrorKind::kUsage);
      EXPECT_THAT(problem.what(), HasSubstr(key));
    }
  }
}

}  // namespace
}  // namespace catamaran
