// What a run reached and whether it can be trusted, the paper's row beside it, and what happened.
#include "monitoring/run_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "monitoring/run_events.h"

namespace catamaran {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

// A run of VOC2007 that ended as it should: CAT at 448 px.
struct Told {
  RecordedRun run;
  RunStatus status;

  Told() {
    run.settings = {{"model.input.size", "448", ""},
                    {"model.backbone.name", "\"resnext50_32x4d\"", ""},
                    {"model.fpn.enabled", "true", ""},
                    {"model.lrd.enabled", "true", ""},
                    {"model.cla.enabled", "true", ""},
                    {"model.cla.pma", "true", ""},
                    {"weights.backbone", "\"swsl.safetensors\"", ""},
                    {"weights.init", "\"\"", ""},
                    {"data.train", "\"packs/a\"", ""},
                    {"data.eval", "\"packs/b\"", ""}};
    run.manifest = {{"lives",
                     {{{"started_unix_seconds", 1000.0},
                       {"first_step", 0},
                       {"world", 2},
                       {"version", "1"},
                       {"git", "a"},
                       {"train_pack", {{"data_set", "VOC2007"}}},
                       {"ended", {{"unix_seconds", 2000.0}, {"step", 100}, {"reason", "done"}}}}}}};
    for (int64_t step = 1; step <= 100; ++step) {
      RecordedStep made;
      made.step = step;
      made.epoch = (step - 1) / 50;
      made.loss = 0.1;
      made.seconds = 1;
      run.steps.push_back(made);
    }
    RecordedEvaluation evaluation;
    evaluation.name = "epoch-0002";
    evaluation.epoch = 2;
    evaluation.step = 100;
    evaluation.protocol = "mlgcn";
    evaluation.images = 4952;
    evaluation.map = 0.958;
    run.evaluations.push_back(evaluation);
    status.phase = RunPhase::kDone;
    status.total_steps = 100;
  }
  RunVerdict verdict() const { return judge(run, summarize(run), status); }
  // The level of the finding that has these words; none: there is no such finding.
  std::optional<Trust> level_of(const std::string& words) const {
    for (const RunFinding& finding : verdict().findings) {
      if (finding.text.find(words) != std::string::npos) return finding.level;
    }
    return std::nullopt;
  }
};

TEST(RunVerdict, OfARunThatEndedAsItShouldIsGood) {
  const RunVerdict verdict = Told().verdict();
  EXPECT_EQ(verdict.trust, Trust::kGood);
  EXPECT_EQ(verdict.headline,
            "Finished after 2 epochs. Best mAP 95.80 % after epoch 2 on 4\u202f952 images. The "
            "paper's CAT on VOC2007 has 96.2 %: 0.4 points below it.");
  EXPECT_THAT(verdict.deviations, IsEmpty());
}

TEST(RunVerdict, OfARunThatFailedIsBadAndSaysWhy) {
  Told told;
  told.status.phase = RunPhase::kFailed;
  told.status.reason = "rank 1 was lost";
  EXPECT_EQ(told.verdict().trust, Trust::kBad);
  EXPECT_THAT(told.level_of("failed at step 100 of 100: rank 1 was lost"), Optional(Trust::kBad));
  told.status.phase = RunPhase::kLost;
  EXPECT_THAT(told.level_of("without a word"), Optional(Trust::kBad));
}

TEST(RunVerdict, OfARunThatIsUnderWayAsksForCaution) {
  Told told;
  for (const RunPhase phase : {RunPhase::kRunning, RunPhase::kStopped}) {
    told.status.phase = phase;
    EXPECT_EQ(told.verdict().trust, Trust::kCaution);
  }
  told.run = RecordedRun();
  told.status = RunStatus();
  EXPECT_EQ(told.verdict().headline, "Not started yet.");
}

TEST(RunVerdict, CountsSkippedStepsAndJudgesThemByTheirShare) {
  Told told;
  EXPECT_THAT(told.level_of("no logged step was skipped"), Optional(Trust::kGood));
  told.run.steps[9].applied = false;
  told.run.steps[9].spike = true;
  EXPECT_THAT(told.level_of("1 step of 100 logged skipped (0 not finite, 1 spike)"),
              Optional(Trust::kCaution))
      << "one in a hundred is not more than one in a hundred";
  told.run.steps[10].applied = false;
  EXPECT_THAT(told.level_of("2 steps of 100 logged skipped (1 not finite, 1 spike)"),
              Optional(Trust::kBad));
}

TEST(RunVerdict, IsBadWhereTheNumbersAreWrongOrAnotherExperiments) {
  Told told;
  told.run.steps.back().loss = std::nan("");
  EXPECT_THAT(told.level_of("not a number"), Optional(Trust::kBad));
  told = Told();
  told.run.evaluations.clear();
  EXPECT_THAT(told.level_of("never evaluated"), Optional(Trust::kBad));
  told = Told();
  told.run.manifest["lives"][0]["allow_overlap"] = true;
  EXPECT_THAT(told.level_of("data.allow_overlap"), Optional(Trust::kBad));
  told = Told();
  told.run.settings.push_back({"testing.enabled", "true", ""});
  EXPECT_THAT(told.level_of("testing.enabled"), Optional(Trust::kBad));
  told = Told();
  told.run.settings[9].value = "\"packs/a\"";
  EXPECT_THAT(told.level_of("the pack that it was trained on"), Optional(Trust::kBad));
}

TEST(RunVerdict, SaysWhatAReaderShouldKnow) {
  Told told;
  told.run.evaluations.push_back(told.run.evaluations.front());
  told.run.evaluations.back().map = 0.94;
  EXPECT_THAT(told.level_of("1.8 points below the best"), Optional(Trust::kCaution));
  told = Told();
  nlohmann::json second = told.run.manifest["lives"][0];
  second["git"] = "b";
  second["changed_at_resume"] = {{"optimizer.weight_decay", {{"was", "1"}, {"is", "2"}}}};
  second["lock_taken_from"] = "host x";
  second["weights"] = {{"allow_partial", true}};
  told.run.manifest["lives"].push_back(second);
  told.status.restarts = 1;
  told.run.problems = {"runs/a/data.json: it is damaged"};
  for (const char* words : {"2 versions", "optimizer.weight_decay", "by force", "allow_partial",
                            "data.json: it is damaged"})
    EXPECT_THAT(told.level_of(words), Optional(Trust::kCaution)) << words;
  EXPECT_THAT(told.level_of("1 restart"), Optional(Trust::kGood));
  EXPECT_EQ(told.verdict().trust, Trust::kCaution);
  EXPECT_EQ(told.verdict().findings.front().level, Trust::kCaution) << "worst first";
}

TEST(PaperRow, FollowsFromTheDataSetAndTheSwitchesOfTheAblation) {
  Told told;
  std::vector<Setting>& settings = told.run.settings;
  EXPECT_EQ(paper_row_of(settings, "VOC2007")->name, "CAT");
  EXPECT_THAT(paper_row_of(settings, "COCO")->map, Optional(DoubleNear(0.874, 1e-12)));
  EXPECT_NEAR(paper_row_of(settings, "COCO")->all->cf1, 0.819, 1e-12);
  settings[5].value = "false";
  EXPECT_EQ(paper_row_of(settings, "COCO")->name, "CAT w/o PMA");
  EXPECT_EQ(paper_row_of(settings, "COCO")->map, std::nullopt) << "out of memory";
  settings[4].value = "false";
  EXPECT_EQ(paper_row_of(settings, "VOC2007")->name, "CAT w/o CLF") << "PMA means nothing there";
  settings[3].value = "false";
  EXPECT_EQ(paper_row_of(settings, "VOC2007")->name, "Backbone + FPN");
  settings[2].value = "false";
  EXPECT_THAT(paper_row_of(settings, "VOC2007")->map, Optional(DoubleNear(0.944, 1e-12)));
  EXPECT_EQ(paper_row_of(settings, "corel5k"), std::nullopt);
  EXPECT_EQ(paper_row_of({}, "COCO"), std::nullopt);
}

TEST(PaperRow, IsAnotherExperimentWhereItsConditionsAreNotMet) {
  Told told;
  const PaperRow row = *paper_row_of(told.run.settings, "VOC2007");
  EXPECT_THAT(deviations_from(row, told.run.settings, 4952), IsEmpty());
  told.run.settings[0].value = "224";
  told.run.settings[1].value = "\"resnet18\"";
  told.run.settings[6].value = "\"\"";
  EXPECT_THAT(deviations_from(row, told.run.settings, 100),
              ElementsAre(HasSubstr("resnet18"), HasSubstr("random weights"), HasSubstr("224"),
                          HasSubstr("100 images")));
}

TEST(RunEvents, AreInOrderWithTimesOfStepsFromThoseAround) {
  Told told;
  told.run.steps[49].applied = false;
  told.run.steps[50].applied = false;
  told.run.checkpoints = {{2000, 100, "final", true, 1000000, 0.5, 0.01}};
  told.run.warnings = {{1100, "warning", 1, "slow"}};
  const std::vector<RunEvent> events = events_of(told.run);
  std::vector<std::string> kinds;
  for (const RunEvent& event : events) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, ElementsAre("start", "warning", "skipped", "end", "evaluation", "checkpoint"));
  EXPECT_NEAR(events[2].unix_seconds, 1500, 1e-9);
  EXPECT_TRUE(events[2].is_about);
  EXPECT_THAT(events[2].text, HasSubstr("2 steps up to 51 skipped: not finite"));
  EXPECT_EQ(events[1].text, "rank 1: slow");
  EXPECT_THAT(events[0].text, HasSubstr("start 1, from step 0, 2 ranks"));
}

TEST(RunEvents, AreBoundedByKind) {
  Told told;
  for (int i = 0; i < 1000; ++i)
    told.run.checkpoints.push_back({3000.0 + i, 100 + i, "periodic", true, 1, 0, 0});
  const std::vector<RunEvent> events = events_of(told.run);
  EXPECT_THAT(events, SizeIs(kMostOfAKind + 3));
  EXPECT_EQ(events.back().step, 1099) << "the newest stay";
}

TEST(RunEvents, OfARunWithoutAManifestAreThoseOfItsSteps) {
  RecordedRun run;
  EXPECT_THAT(events_of(run), IsEmpty());
  run.steps.resize(1);
  run.steps[0].step = 5;
  run.steps[0].applied = false;
  const std::vector<RunEvent> events = events_of(run);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].unix_seconds, 0);
}

}  // namespace
}  // namespace catamaran
