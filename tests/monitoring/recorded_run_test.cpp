// What is read of a run directory, whole, half deleted, of another version, or made to do harm.
#include "monitoring/recorded_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fake_run.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecordedRunTest : public ::testing::Test {
 protected:
  RecordedRunTest() { make_fake_run(run_); }
  RecordedRun read() const { return read_recorded_run(run_); }

  TemporaryDirectory folder_;
  std::filesystem::path run_ = folder_.path() / "voc07";
};

TEST_F(RecordedRunTest, OrdersEvaluationsByEpochWithTheFinalOneLast) {
  for (const char* name : {"final", "epoch-0010", "epoch-0002"})
    add_fake_evaluation(run_, name, 0.5);
  nlohmann::json by_step = fake_evaluation(0.5);
  by_step["step"] = 25;  // in the third epoch of ten steps
  write_text(run_ / "eval/step-00000025.json", by_step.dump());
  write_text(run_ / "eval/.epoch-0003.json.tmp.host.1", "{");
  std::vector<std::string> names;
  std::vector<double> epochs;
  for (const RecordedEvaluation& evaluation : read().evaluations) {
    names.push_back(evaluation.name);
    epochs.push_back(evaluation.epoch);
  }
  EXPECT_THAT(names, ElementsAre("epoch-0002", "step-00000025", "final", "epoch-0010"));
  EXPECT_THAT(epochs, ElementsAre(2, 3, 4, 10));
  EXPECT_THAT(read().problems, IsEmpty());
}

TEST_F(RecordedRunTest, OfAWholeRunHasEverythingAndNoProblem) {
  add_fake_evaluation(run_, "epoch-0001", 0.5);
  write_text(run_ / "curves/epoch-0001.json", fake_curves().dump());
  write_text(run_ / "ranks.jsonl",
             R"({"step":10,"compute_seconds":[0.1,0.2],"data_wait_seconds":[0,0.5]})"
             "\n");
  write_text(run_ / "events.jsonl",
             R"({"event":"checkpoint","unix_seconds":1.7e9,"step":40,"kind":"final","ok":true,)"
             R"("bytes":1000,"write_seconds":0.5,"stall_seconds":0.01})"
             "\n{\"event\":\"checkpo");
  write_text(run_ / "log.jsonl", R"({"time":1.0,"level":"info","rank":0,"message":"hello"})"
                                 "\n"
                                 R"({"time":2.0,"level":"warning","rank":1,"message":"slow"})"
                                 "\n");
  add_fake_explanation(run_);
  const RecordedRun run = read();
  EXPECT_THAT(run.problems, IsEmpty());
  EXPECT_EQ(run.name, "voc07");
  EXPECT_THAT(run.steps, SizeIs(40));
  EXPECT_NEAR(run.steps[0].parts[3], 0.2, 1e-12) << kStepParts[3];
  EXPECT_NEAR(run.steps[0].parts.back(), 0.1, 1e-9) << "what is left of half a second";
  ASSERT_TRUE(run.curves.has_value());
  EXPECT_EQ(run.curves->evaluation, "epoch-0001");
  EXPECT_THAT(run.curves->by_class[0].recall, ElementsAre(0.25, 1));
  EXPECT_THAT(run.curves->by_class[0].precision, ElementsAre(1, 0.5));
  ASSERT_THAT(run.ranks, SizeIs(1));
  EXPECT_THAT(run.ranks[0].seconds, ElementsAre(0.1, 0.7)) << "work and waiting for data";
  ASSERT_THAT(run.checkpoints, SizeIs(1));
  EXPECT_EQ(run.checkpoints[0].kind, "final");
  ASSERT_THAT(run.warnings, SizeIs(1));
  EXPECT_EQ(run.warnings[0].message, "slow");
  ASSERT_THAT(run.explained, SizeIs(1));
  EXPECT_THAT(run.explained[0].picture_jpeg, ::testing::StartsWith("\xFF\xD8\xFF"));
}

TEST_F(RecordedRunTest, WithoutAFileSaysWhichIsMissingAndReadsTheRest) {
  for (const char* file : {"config.toml", "manifest.json", "metrics.jsonl"}) {
    make_fake_run(run_);
    std::filesystem::remove(run_ / file);
    EXPECT_THAT(read().problems, ElementsAre((run_ / file).string() + ": it is missing"));
  }
  make_fake_run(run_);
  for (const char* file : {"config.toml", "manifest.json"}) std::filesystem::remove(run_ / file);
  EXPECT_THAT(read().problems, SizeIs(2));
  std::filesystem::remove(run_ / "metrics.jsonl");
  EXPECT_THROW(read(), UsageError) << "nothing of a run is left";
  EXPECT_THROW(read_recorded_run(run_ / "nowhere"), UsageError);
}

TEST_F(RecordedRunTest, NamesTheFileThatIsBrokenAndReadsTheRest) {
  nlohmann::json evaluation = fake_evaluation(0.5);
  evaluation["top3"].erase("or");
  write_text(run_ / "eval/epoch-0001.json", evaluation.dump());
  evaluation = fake_evaluation(0.5);
  evaluation["ap"]["dog"] = "high";
  write_text(run_ / "eval/epoch-0002.json", evaluation.dump());
  write_text(run_ / "eval/epoch-0003.json", "{\"map\": 0.");
  add_fake_evaluation(run_, "epoch-0004", 0.5);
  nlohmann::json curves = fake_curves();
  curves["precision_recall"][0]["predicted"] = {1};
  write_text(run_ / "curves/epoch-0004.json", curves.dump());
  write_text(run_ / "manifest.json", "[1,");
  const RecordedRun run = read();
  EXPECT_THAT(run.evaluations, SizeIs(1));
  EXPECT_FALSE(run.curves.has_value());
  EXPECT_THAT(run.problems, SizeIs(5));
  for (const char* part :
       {"epoch-0001.json", "'dog'", "epoch-0003.json", "manifest.json", "curves/epoch-0004.json"})
    EXPECT_THAT(run.problems, Contains(HasSubstr(part)));
}

TEST_F(RecordedRunTest, OfAnotherVersionKeepsTheKeysThatItKnows) {
  write_text(run_ / "metrics.jsonl",
             "{\"step\": 1, \"loss\": 0.5, \"step_seconds\": 2, \"forward_seconds\": 0.5, "
             "\"to_device_seconds\": 0.25, \"something_new\": {\"a\": [1]}}\n"
             "{\"step\": 2, \"loss\": null, \"applied\": false, \"skipped\": \"spike\"}\n"
             "{\"epoch\": 3}\nnonsense\n{\"step\": 2, \"loss\": 0.25}\n{\"step\": 3, \"lo");
  write_text(run_ / "manifest.json", "{\"format\": 9, \"lives\": \"none\"}");
  write_text(run_ / "data.json", "{\"packs\": [{\"role\": \"train\"}]}");
  const RecordedRun run = read();
  ASSERT_THAT(run.steps, SizeIs(2));
  EXPECT_NEAR(run.steps[0].parts[1], 0.25, 1e-12);
  EXPECT_NEAR(run.steps[0].parts.back(), 1.25, 1e-12);
  EXPECT_TRUE(std::isnan(run.steps[0].learning_rate));
  EXPECT_DOUBLE_EQ(run.steps[1].loss, 0.25) << "the later line counts";
  EXPECT_TRUE(run.steps[1].applied);
  EXPECT_THAT(run.problems, ElementsAre(HasSubstr("metrics.jsonl: 3 lines are no steps")));
  EXPECT_TRUE(run.newest_life().is_null());
}

TEST_F(RecordedRunTest, OfAPointThatNobodyHasStartedLacksNothing) {
  const auto point = folder_.path() / "sweep/3f9a1c20d4e1";
  write_text(point / "point.json",
             R"({"id": "3f9a1c20d4e1", "index": 4, "values": {"batch.global": "64", "x": 0.5}})");
  const RecordedRun run = read_recorded_run(point);
  EXPECT_THAT(run.problems, IsEmpty());
  ASSERT_TRUE(run.point.has_value());
  EXPECT_EQ(run.point->index, 4);
  EXPECT_THAT(run.point->values, SizeIs(2));
  EXPECT_EQ(run.name, "3f9a1c20d4e1");
}

TEST_F(RecordedRunTest, TakesPicturesOfTheRunItselfAlone) {
  write_fake_png(run_ / "secret.png");
  for (const char* elsewhere : {"../secret.png", "/etc/passwd", "..", "", "sub/1.png"}) {
    add_fake_explanation(run_, elsewhere);
    const RecordedRun run = read();
    EXPECT_THAT(run.explained, IsEmpty()) << elsewhere;
    EXPECT_THAT(run.problems, ElementsAre(HasSubstr("explain.json"))) << elsewhere;
  }
  add_fake_explanation(run_);
  write_text(run_ / "explain/1.png", "no picture");
  EXPECT_THAT(read().problems, ElementsAre(HasSubstr("is not a PNG")));
}

TEST(RecordedSettings, AreReadAsTrainWritesThem) {
  const auto settings = recorded_settings(
      "[run]\nname = \"a # b \\\" c\"  # --set\n\n[data.augment]\n"
      "scales = [1.0, 0.875]  # configs/cat.toml:3:1\nflip = true\n# a remark = 1\nbroken\n");
  ASSERT_THAT(settings, SizeIs(3));
  EXPECT_EQ(settings[0].key, "run.name");
  EXPECT_EQ(settings[0].value, "\"a # b \\\" c\"");
  EXPECT_EQ(settings[0].source, "--set");
  EXPECT_EQ(text_of(settings, "run.name"), "a # b \" c");
  EXPECT_EQ(settings[1].value, "[1.0, 0.875]");
  EXPECT_EQ(settings[1].source, "configs/cat.toml:3:1");
  EXPECT_EQ(value_of(settings, "data.augment.flip"), "true");
  EXPECT_EQ(value_of(settings, "data.train"), "");
}

TEST(ComparedSettings, TellWhatDiffersBetweenRunsAndFromTheDefault) {
  const std::vector<std::vector<Setting>> runs = {
      {{"batch.global", "32", ""}, {"seed", "1", ""}, {"only.here", "x", ""}},
      {{"batch.global", "64", ""}, {"seed", "1", ""}}};
  const auto rows = compared_settings(runs, {{"seed", "7", ""}, {"batch.global", "32", ""}});
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].key, "batch.global");
  EXPECT_THAT(rows[0].values, ElementsAre("32", "64"));
  EXPECT_TRUE(rows[0].differs);
  EXPECT_TRUE(rows[1].differs) << "from the default, in both";
  EXPECT_FALSE(rows[2].differs) << "a key that one version has alone";
  EXPECT_EQ(rows[2].values[1], "");
}

}  // namespace
}  // namespace catamaran
