#include "launch/sweep_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "launch/config.h"
#include "sweep_fixture.h"

namespace catamaran {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SweepPlanTest : public SweepFolder {};

const char* const kTwoAxes =
    "[axes.grid]\n\"optimizer.name\" = [\"sgd\", \"adamw\"]\n\"batch.global\" = [16, 32, 64]\n";

TEST_F(SweepPlanTest, AGridHasEveryCombinationAndTheLastAxisVariesFastest) {
  const SweepPlan plan = this->plan(kTwoAxes);
  EXPECT_THAT(plan.keys, ElementsAre("optimizer.name", "batch.global"));
  EXPECT_THAT(texts(plan), ElementsAre("optimizer.name = sgd, batch.global = 16",
                                       "optimizer.name = sgd, batch.global = 32",
                                       "optimizer.name = sgd, batch.global = 64",
                                       "optimizer.name = adamw, batch.global = 16",
                                       "optimizer.name = adamw, batch.global = 32",
                                       "optimizer.name = adamw, batch.global = 64"));
  EXPECT_EQ(ids(plan).size(), 6u);
  EXPECT_EQ(plan.name, "s");
  EXPECT_EQ(plan.points[4].index, 4);
  EXPECT_EQ(plan.points[4].folder, folder_ / "out" / plan.points[4].id);
  EXPECT_EQ(plan.points[4].id.size(), 12u);
  EXPECT_EQ(plan.points[2].batch, 64);
}

TEST_F(SweepPlanTest, ZipGoesElementByElementAndListPointByPoint) {
  EXPECT_THAT(
      texts(plan("[axes.zip]\n\"model.attention.dim\" = [64, 128]\n"
                 "\"model.attention.ffn_dim\" = [128, 256]\n"
                 "[[axes.list]]\n\"ema.decay\" = 0.0\n"
                 "[[axes.list]]\n\"clip.max_norm\" = 1\n\"ema.decay\" = 0.9\n")),
      ElementsAre("model.attention.dim = 64, model.attention.ffn_dim = 128, ema.decay = 0.0",
                  "model.attention.dim = 64, model.attention.ffn_dim = 128, clip.max_norm "
                  "= 1, ema.decay = 0.9",
                  "model.attention.dim = 128, model.attention.ffn_dim = 256, ema.decay = "
                  "0.0",
                  "model.attention.dim = 128, model.attention.ffn_dim = 256, clip.max_norm "
                  "= 1, ema.decay = 0.9"));
}

TEST_F(SweepPlanTest, TheSettingsOfAPointMakeItsConfiguration) {
  const SweepPlan plan =
      this->plan("[set]\n\"ema.decay\" = 0.5\n" + std::string(kTwoAxes), {"loss.scale=2"});
  const RunOptions options = resolve_config(plan.config, plan.points[2].settings).options;
  EXPECT_EQ(options.optimizer.name, "sgd");
  EXPECT_EQ(options.batch.global, 64);
  EXPECT_EQ(options.ema.decay, 0.5);
  EXPECT_EQ(options.loss.scale, 2);
  EXPECT_EQ(options.name, "s-" + plan.points[2].id);
}

TEST_F(SweepPlanTest, APointKeepsItsIdWhateverStandsBesideIt) {
  const SweepPlan first = plan(kTwoAxes);
  const SweepPlan larger = plan(
      "name = \"other\"\nmetric = \"last_of1\"\n[set]\n\"monitoring.port\" = 9000\n"
      "\"checkpoint.keep\" = 9\n[axes.grid]\n\"batch.global\" = [8, 64, 32, 16]\n"
      "\"optimizer.name\" = [\"adamw\", \"lamb\", \"sgd\"]\n");
  const std::set<std::string> all = ids(larger);
  EXPECT_EQ(all.size(), 12u);
  for (const std::string& id : ids(first)) EXPECT_TRUE(all.contains(id)) << id;
  write("copy.toml", "extends = \"base.toml\"\n");
  const SweepPlan moved = read_sweep_plan(
      write("t.toml", "config = \"copy.toml\"\n" + std::string(kTwoAxes)), {}, folder_ / "away");
  EXPECT_EQ(ids(moved), ids(first));
  EXPECT_EQ(moved.points[0].folder.parent_path(), folder_ / "away");
  EXPECT_NE(ids(plan(kTwoAxes, {"loss.scale=2"})), ids(first));
}

TEST_F(SweepPlanTest, AnAxisOfHowARunIsRunStillMakesPointsOfItsOwn) {
  EXPECT_EQ(ids(plan("[axes.grid]\n\"data.threads\" = [1, 2, 4]\n")).size(), 3u);
}

TEST_F(SweepPlanTest, MoreDrawsKeepTheEarlierOnes) {
  const std::string axes =
      "[axes.random]\n\"optimizer.learning_rate\" = { log_uniform = [1e-4, 1e-2] }\n"
      "\"model.attention.heads\" = { choice = [1, 2, 4] }\n";
  const SweepPlan few = plan("seed = 3\npoints = 5\n" + axes);
  const SweepPlan many = plan("seed = 3\npoints = 9\n" + axes);
  ASSERT_EQ(few.points.size(), 5u);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(few.points[i].id, many.points[i].id);
  EXPECT_NE(plan("seed = 4\npoints = 5\n" + axes).points[0].id, few.points[0].id);
  // Another axis beside it leaves the values of the first as they are.
  const SweepPlan wider =
      plan("seed = 3\npoints = 5\n" + axes + "\"clip.max_norm\" = { uniform = [1, 2] }\n");
  EXPECT_EQ(wider.points[4].values[0], few.points[4].values[0]);
}

TEST_F(SweepPlanTest, AConditionLeavesAnAxisOutWhereItDoesNotHold) {
  const SweepPlan plan = this->plan(
      "[axes.grid]\n\"optimizer.name\" = [\"adamw\", \"lars\", \"lamb\"]\n"
      "\"optimizer.trust_coefficient\" = [0.001, 0.02]\n\"optimizer.trust_cap\" = [0.0, 10.0]\n"
      "[when]\n\"optimizer.trust_coefficient\" = { \"optimizer.name\" = \"lars\" }\n"
      "\"optimizer.trust_cap\" = { \"optimizer.name\" = [\"lamb\"] }\n");
  EXPECT_THAT(texts(plan), ElementsAre("optimizer.name = adamw",
                                       "optimizer.name = lars, optimizer.trust_coefficient = 0.001",
                                       "optimizer.name = lars, optimizer.trust_coefficient = 0.02",
                                       "optimizer.name = lamb, optimizer.trust_cap = 0.0",
                                       "optimizer.name = lamb, optimizer.trust_cap = 10.0"));
  EXPECT_TRUE(plan.duplicates.empty());
}

TEST_F(SweepPlanTest, AConditionLooksAtTheBaseWhereNoAxisSetsItsKey) {
  const std::string axes = "[axes.grid]\n\"clip.max_norm\" = [1.0, 2.0]\n[when]\n";
  EXPECT_EQ(plan(axes + "\"clip.max_norm\" = { \"batch.global\" = 32 }\n").points.size(), 2u);
  EXPECT_EQ(plan(axes + "\"clip.max_norm\" = { \"batch.global\" = [64] }\n").points.size(), 1u);
}

TEST_F(SweepPlanTest, ASettingThatIsLeftOutTakesThoseThatNeedItAlong) {
  EXPECT_THAT(texts(plan("[axes.grid]\n\"loss.name\" = [\"bce\"]\n\"clip.max_norm\" = [1.0, 2.0]\n"
                         "\"ema.decay\" = [0.0, 0.5]\n[when]\n"
                         "\"clip.max_norm\" = { \"loss.name\" = \"asl\" }\n"
                         "\"ema.decay\" = { \"clip.max_norm\" = [1, 2] }\n")),
              ElementsAre("loss.name = bce"));
}

TEST_F(SweepPlanTest, PointsThatAreTheSameAreLeftOutAndSaid) {
  const SweepPlan plan = this->plan("[axes.grid]\n\"batch.global\" = [32, 64, 32]\n");
  EXPECT_THAT(texts(plan), ElementsAre("batch.global = 32", "batch.global = 64"));
  EXPECT_THAT(plan.duplicates,
              ElementsAre(AllOf(HasSubstr("batch.global = 32"), HasSubstr("point 0"))));
}

TEST_F(SweepPlanTest, SeedsAreTheLastAxisAndMakeGroups) {
  const SweepPlan plan =
      this->plan("seeds = [1, 2, 3]\n[axes.grid]\n\"batch.global\" = [32, 64]\n");
  ASSERT_EQ(plan.points.size(), 6u);
  EXPECT_EQ(values_text(plan.points[1]), "batch.global = 32, run.seed = 2");
  std::vector<int64_t> groups;
  for (const SweepPoint& point : plan.points) groups.push_back(point.group);
  EXPECT_THAT(groups, ElementsAre(0, 0, 0, 1, 1, 1));
}

TEST_F(SweepPlanTest, SamplesAreTheSameForEveryBatchAndRatesAreScaled) {
  const SweepPlan plan = this->plan(
      "samples = 6400\nwarmup_samples = 640\nscaling = \"linear\"\n[axes.grid]\n\"batch.global\" = "
      "[16, 64]\n");
  EXPECT_EQ(plan.points[0].steps, 400);
  EXPECT_EQ(plan.points[1].steps, 100);
  const RunOptions options = resolve_config(plan.config, plan.points[1].settings).options;
  EXPECT_EQ(options.schedule.images, 6400);
  EXPECT_EQ(options.schedule.warmup_images, 640);
  EXPECT_EQ(options.optimizer.base_batch, 32);  // that of the configuration
  EXPECT_DOUBLE_EQ(options.learning_rate(), 2 * options.optimizer.learning_rate);
  const SweepPlan named =
      this->plan("scaling = \"sqrt\"\nbase_batch = 16\n[axes.grid]\n\"batch.global\" = [64]\n");
  const RunOptions other = resolve_config(named.config, named.points[0].settings).options;
  EXPECT_DOUBLE_EQ(other.learning_rate(), 2 * other.optimizer.learning_rate);
}

TEST_F(SweepPlanTest, StepsAreKnownOnceThereIsAPack) {
  EXPECT_EQ(plan(kTwoAxes).points[0].steps, 0);
  make_pack(100);
  const SweepPlan plan = this->plan(kTwoAxes);
  EXPECT_EQ(plan.points[0].steps, 60);  // 6 an epoch
  EXPECT_EQ(plan.points[2].steps, 10);
  const std::string text = refusal_of("[axes.grid]\n\"batch.global\" = [32, 128]\n");
  EXPECT_THAT(text, AllOf(HasSubstr("s.toml:4:18: batch.global: a batch of 128 images is larger"),
                          HasSubstr("(in 1 of 2 points, batch.global = 128)")));
}

TEST_F(SweepPlanTest, AllProblemsOfAFileAreToldAtOnceWithTheirLines) {
  const std::string text = refusal_of(
      "metric = \"best_mpa\"\nmax_paralel = 3\nseeds = [1, 1]\n"
      "[set]\n\"ema.dekay\" = 0.5\n"
      "[axes.grid]\n\"batch.globl\" = [1]\n\"optimizer.name\" = [\"sgd\", \"adamv\"]\n"
      "\"optimizer.momentum\" = [2.0]\n\"clip.max_norm\" = []\n"
      "[axes.gird]\n\"loss.scale\" = [1]\n"
      "[axes.random]\n\"loss.focal_gamma\" = { log_unifrom = [1, 2] }\n"
      "[when]\n\"optimizer.momentm\" = { \"optimizer.name\" = \"sgd\" }\n");
  const std::string file = (folder_ / "s.toml").string();
  for (const char* said :
       {":3:10: metric: 'best_mpa' is not known (did you mean 'best_map'?)",
        ":4:15: there is no key 'max_paralel' (did you mean 'max_parallel'?)",
        ":5:9: seeds has 1 twice",
        ":7:15: there is no configuration key 'ema.dekay' (did you mean 'ema.decay'?)",
        ":9:17: there is no configuration key 'batch.globl' (did you mean 'batch.global'?)",
        ":10:20: optimizer.name: 'adamv' is not known (did you mean 'adamw'?)",
        ":11:24: optimizer.momentum: must be in [0, 1)", ":12:19: axes.grid.clip.max_norm is empty",
        ":14:16: there is no axis 'gird.loss.scale' (did you mean 'grid'?)",
        "'log_unifrom' is no way to draw (did you mean 'log_uniform'?)",
        "when: there is no axis of 'optimizer.momentm' (did you mean 'optimizer.momentum'?)",
        "points: is needed by [axes.random]"}) {
    EXPECT_THAT(text, HasSubstr(said));
  }
  EXPECT_THAT(text, HasSubstr(file + ":3:10"));
  EXPECT_THAT(text, HasSubstr("mistakes:"));
}

TEST_F(SweepPlanTest, AProblemOfManyPointsIsToldOnceWithTheFirstOfThem) {
  const std::string text = refusal_of(
      "[axes.grid]\n\"batch.global\" = [16, 32, 64]\n\"optimizer.name\" = [\"adamw\", \"lamb\"]\n"
      "\"optimizer.trust_cap\" = [10.0]\n");
  EXPECT_THAT(text, HasSubstr("1 mistake:"));
  EXPECT_THAT(text, HasSubstr("s.toml:6:25: optimizer.trust_cap: is of lamb, and the optimizer is "
                              "adamw"));
  EXPECT_THAT(text, HasSubstr("(in 3 of 6 points, the first batch.global = 16, optimizer.name = "
                              "adamw"));
}

TEST_F(SweepPlanTest, WhatIsGivenTwiceIsRefused) {
  EXPECT_THAT(
      refusal_of("samples = 320\n[set]\n\"schedule.images\" = 640\n"),
      HasSubstr("schedule.images is given already, at " + (folder_ / "s.toml").string() + ":3:11"));
  EXPECT_THAT(refusal_of("seeds = [1]\n[axes.grid]\n\"run.seed\" = [2]\n"),
              HasSubstr("run.seed is given already"));
  EXPECT_THAT(
      refusal_of("[axes.grid]\n\"batch.global\" = [32]\n[axes.zip]\n\"batch.global\" = [1]\n"),
      HasSubstr("batch.global is given already"));
  EXPECT_THAT(
      refusal_of(kTwoAxes, {"batch.global=8"}),
      AllOf(HasSubstr("--set batch.global=8: the sweep has an axis of it"), HasSubstr(":5:18")));
  EXPECT_THAT(refusal_of("[axes.grid]\n\"run.name\" = [\"a\"]\n"),
              HasSubstr("run.name is made of"));
}

TEST_F(SweepPlanTest, WhatHasNoEffectIsRefused) {
  EXPECT_THAT(refusal_of("points = 3\n"), HasSubstr("has no effect without [axes.random]"));
  EXPECT_THAT(refusal_of("base_batch = 3\n"), HasSubstr("has no effect without scaling"));
  EXPECT_THAT(refusal_of("[halving]\nkeep = 0.3\n"),
              HasSubstr("has no effect without halving.rungs"));
}

TEST_F(SweepPlanTest, AxesThatDoNotFitAreRefused) {
  EXPECT_THAT(
      refusal_of("[axes.zip]\n\"batch.global\" = [32, 64]\n\"loss.scale\" = [1]\n"),
      HasSubstr("axes.zip.loss.scale has 1 values, and the first list of [axes.zip] has 2"));
  EXPECT_THAT(refusal_of("[axes.grid]\n\"batch.global\" = 32\n"),
              HasSubstr("must be a list of values"));
  EXPECT_THAT(refusal_of("[axes.grid]\n\"batch.global\" = [\"x\"]\n"),
              HasSubstr(":4:18: batch.global must be a whole number"));
  EXPECT_THAT(refusal_of("[axes]\nlist = 3\n"), HasSubstr("must be a list of tables"));
  std::string many = "[axes.grid]\n";
  for (const char* key : {"loss.scale", "clip.max_norm", "ema.decay", "batch.global", "run.seed"})
    many += "\"" + std::string(key) + "\" = [1, 2, 3, 4, 5, 6, 7, 8]\n";
  EXPECT_THAT(refusal_of(many), HasSubstr("more than 10000 combinations"));
}

TEST_F(SweepPlanTest, FilesThatAreNotThereAreNamed) {
  EXPECT_THAT(refusal([&] { (void)read_sweep_plan(folder_ / "none.toml", {}); }),
              AllOf(HasSubstr("none.toml"), HasSubstr("no such file")));
  EXPECT_THAT(refusal([&] {
                (void)read_sweep_plan(write("t.toml", "name = \"x\"\nconfig = \"gone.toml\"\n"),
                                      {});
              }),
              AllOf(HasSubstr("t.toml:2:10: config:"), HasSubstr("gone.toml")));
  EXPECT_THAT(refusal([&] { (void)read_sweep_plan(write("t.toml", "name = \"x/y\"\n"), {}); }),
              AllOf(HasSubstr("config: names the configuration"), HasSubstr("t.toml:1:8: name:")));
  EXPECT_THAT(refusal([&] { (void)read_sweep_plan(write("t.toml", "[axes\n"), {}); }),
              HasSubstr("not valid TOML"));
  EXPECT_THAT(refusal([&] { (void)read_sweep(folder_, {}); }),
              HasSubstr("sweep.json is not in it"));
}

TEST_F(SweepPlanTest, RungsNeedStepsAndAnEvaluation) {
  const std::string halving = "[halving]\nrungs = [0.25, 0.5]\n";
  EXPECT_THAT(refusal_of(halving), AllOf(HasSubstr("s.toml:4:9: halving.rungs are shares of steps"),
                                         HasSubstr("give samples")));
  EXPECT_EQ(plan("samples = 3200\n" + halving).halving.rungs.size(), 2u);
  EXPECT_THAT(refusal_of("samples = 64\n" + halving), HasSubstr("a point of 2 steps"));
  EXPECT_THAT(refusal_of("samples = 3200\n[set]\n\"data.eval\" = \"\"\n" + halving),
              HasSubstr("halving by best_map needs evaluations"));
  EXPECT_EQ(plan("samples = 3200\nmetric = \"last_loss\"\n[set]\n\"data.eval\" = \"\"\n" + halving)
                .higher_is_better,
            false);
  for (const char* rungs : {"[0.5, 0.25]", "[0.0, 0.5]", "[0.5, 1.0]", "[0.5, 0.5]"}) {
    EXPECT_THAT(refusal_of(std::string("samples = 3200\n[halving]\nrungs = ") + rungs + "\n"),
                HasSubstr("shares of a point's steps that ascend"));
  }
}

TEST_F(SweepPlanTest, RanksThatCannotShareABatchAreToldWithThePoints) {
  const SweepPlan plan = this->plan("[axes.grid]\n\"batch.global\" = [32, 48, 64]\n");
  require_ranks(plan, 4);
  EXPECT_THAT(
      refusal([&] { require_ranks(plan, 5); }),
      AllOf(HasSubstr("point 0 (batch.global = 32)"), HasSubstr("point 2 (batch.global = 64)"),
            HasSubstr("does not divide among 5 ranks")));
  EXPECT_THAT(refusal([&] { (void)point_of(plan, 3); }), HasSubstr("it has 3, from 0"));
  EXPECT_EQ(&point_of(plan, 2), &plan.points[2]);
}

TEST(ArrayText, RunsOfIndicesBecomeRanges) {
  EXPECT_EQ(array_text({}), "");
  EXPECT_EQ(array_text({4}), "4");
  EXPECT_EQ(array_text({0, 1, 2, 3, 7}), "0-3,7");
  EXPECT_EQ(array_text({1, 3, 4, 9, 10, 11}), "1,3-4,9-11");
}

}  // namespace
}  // namespace catamaran
