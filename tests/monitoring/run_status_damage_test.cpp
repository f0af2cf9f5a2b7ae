// Damaged, half-deleted, foreign and older run directories: told, never an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>

#include "monitoring/run_status.h"
#include "status_run.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunStatusDamage : public testing::Test {
 protected:
  RunStatusDamage() {
    run_.write_lives({ended_life(made_life(), "signal", 40)});
    run_.write_steps(1, 40);
    run_.write_checkpoint(40, 0.5);
    run_.write_evaluation("epoch-0004", 0.5, 40);
    run_.write_log("one", kStarted);
  }
  RunStatus status() const { return read_run_status(run_.folder()); }
  void expect_problem(const std::string& file, const std::string& what) const {
    EXPECT_THAT(status().problems,
                ElementsAre(::testing::AllOf(HasSubstr(run_.at(file).string()), HasSubstr(what))));
  }

  TemporaryDirectory root_;
  StatusRun run_{root_.path() / "run"};
};

TEST_F(RunStatusDamage, HasNoProblemWithAWholeRun) { EXPECT_THAT(status().problems, IsEmpty()); }

TEST_F(RunStatusDamage, TellsAManifestThatIsNoJsonAndShowsTheRest) {
  write_text(run_.at("manifest.json"), "{\"run\": \"cat");
  expect_problem("manifest.json", "not valid JSON");
  EXPECT_EQ(status().phase, RunPhase::kLost);
  EXPECT_EQ(status().step, 40);
  EXPECT_EQ(status().checkpoint_step, 40);
  EXPECT_EQ(status().name, "run");
}

TEST_F(RunStatusDamage, TellsAManifestOfSomethingElse) {
  for (const char* text : {"{\"name\": \"a web page\"}", "[]", "3", "{\"lives\": 7}"}) {
    write_text(run_.at("manifest.json"), text);
    expect_problem("manifest.json", "has no list 'lives'");
  }
  write_text(run_.at("manifest.json"), R"({"lives": [3, {"first_step": 5}]})");
  expect_problem("manifest.json", "some of its 'lives'");
}

TEST_F(RunStatusDamage, TakesValuesOfOtherTypesForNone) {
  json life = made_life();
  for (auto& [key, value] : life.items()) value = key == "id" ? json(7) : json::array({1, "x"});
  life["total_steps"] = 1e300;
  life["started_unix_seconds"] = "yesterday";
  run_.write_lives({life});
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kLost);
  EXPECT_EQ(s.started_unix_seconds, 0);
  EXPECT_EQ(s.total_steps, 0);
  EXPECT_THAT(s.problems, IsEmpty()) << "another version may write so";
}

TEST_F(RunStatusDamage, ShowsTheNewestWholeStepOfATornLog) {
  const std::string text = read_text(run_.at("metrics.jsonl"));
  write_text(run_.at("metrics.jsonl"), text.substr(0, text.size() - 40));
  run_.write_lives({made_life()});
  EXPECT_EQ(status().step, 39);
  EXPECT_THAT(status().problems, IsEmpty()) << "a kill leaves such a line";
}

TEST_F(RunStatusDamage, TellsALogWithoutAStep) {
  write_text(run_.at("metrics.jsonl"), std::string(5000, '\0') + "\n\x01\x02\n\xff\n");
  expect_problem("metrics.jsonl", "none of its newest lines is a JSON object");
  write_text(run_.at("metrics.jsonl"), "{\"message\": 1}\n{\"step\": \"seven\"}\n");
  expect_problem("metrics.jsonl", "none of its newest lines is a step");
}

TEST_F(RunStatusDamage, ReadsTheEndOfAVeryLongLogOnly) {
  std::string filler = "{\"note\": \"" + std::string(1000, 'x') + "\"}\n";
  std::string all;
  for (int i = 0; i < 4000; ++i) all += filler;
  write_text(run_.at("metrics.jsonl"), all + read_text(run_.at("metrics.jsonl")));
  EXPECT_EQ(status().step, 40);
  EXPECT_THAT(status().problems, IsEmpty());
}

TEST_F(RunStatusDamage, TellsACheckpointThatIsGoneOrNone) {
  fs::remove_all(run_.at("checkpoints/step-00000040"));
  expect_problem("checkpoints/latest", "names step-00000040, which is not there");
  EXPECT_EQ(status().checkpoint_step, -1);
  for (const char* name : {"../../../etc/passwd", "step-1", "", "step-0000004x"}) {
    write_text(run_.at("checkpoints/latest"), name);
    expect_problem("checkpoints/latest", "names no checkpoint");
  }
}

TEST_F(RunStatusDamage, TellsAnEvaluationWithoutItsNumberAndShowsTheOneBefore) {
  run_.write_checkpoint(40);
  write_text(run_.at("eval/epoch-0005.json"), "{\"map\": \"high\"}");
  expect_problem("eval/epoch-0005.json", "has no number 'map'");
  EXPECT_DOUBLE_EQ(status().map.value_or(0), 0.5);
  write_text(run_.at("eval/epoch-0005.json"), "{");
  expect_problem("eval/epoch-0005.json", "not valid JSON");
}

TEST_F(RunStatusDamage, TellsAFailureThatIsNoJson) {
  run_.write_lives({made_life()});
  write_text(run_.at("failure.json"), "{\"cause\": ");
  expect_problem("failure.json", "not valid JSON");
  EXPECT_EQ(status().phase, RunPhase::kLost);
}

TEST_F(RunStatusDamage, HasNothingOfAFailureWithOtherTypes) {
  run_.write_lives({made_life()});
  json failure = made_failure();
  failure["ranks"] = {1, "x", {{"state", 3}}};
  failure["exclude_hosts"] = {1, "n2", json::object()};
  write_text(run_.at("failure.json"), failure.dump());
  EXPECT_EQ(status().phase, RunPhase::kFailed);
  EXPECT_EQ(status().exit_code, 5) << "nobody's own error: a rank was lost";
  EXPECT_THAT(status().exclude_hosts, ElementsAre("n2"));
}

TEST_F(RunStatusDamage, DoesNotWaitForPipesInPlaceOfFiles) {
  for (const char* name : {"manifest.json", "metrics.jsonl", "log.jsonl", "failure.json", "lock",
                           "checkpoints/latest", "eval/epoch-0009.json"}) {
    fs::remove(run_.at(name));
    ASSERT_EQ(::mkfifo(run_.at(name).c_str(), 0600), 0);
  }
  const RunStatus s = status();
  EXPECT_THAT(s.problems, Contains(HasSubstr("metrics.jsonl: is no regular file")));
  EXPECT_THAT(s.problems, Contains(HasSubstr("manifest.json")));
}

TEST_F(RunStatusDamage, TellsAFileWhereTheFolderShouldBe) {
  write_text(root_.path() / "file", "text");
  const RunStatus s = read_run_status(root_.path() / "file");
  EXPECT_EQ(s.phase, RunPhase::kPending);
  EXPECT_THAT(s.problems, ElementsAre(HasSubstr("is no folder")));
}

TEST_F(RunStatusDamage, KeepsNamesThatAreNoTextHarmless) {
  json life = made_life();
  life["hosts"] = {"n1\x1b[2J"};
  run_.write_lives({life});
  EXPECT_EQ(status().host, "n1?[2J");
}

TEST_F(RunStatusDamage, HoldsWhatIsLeftOfAHalfDeletedRun) {
  for (const char* name : {"manifest.json", "log.jsonl", "eval"}) fs::remove_all(run_.at(name));
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kLost);
  EXPECT_EQ(s.step, 40);
  EXPECT_DOUBLE_EQ(s.best_map.value_or(0), 0.5) << "the checkpoint knows it";
  fs::remove_all(run_.at("checkpoints"));
  fs::remove(run_.at("metrics.jsonl"));
  EXPECT_EQ(status().phase, RunPhase::kPending);
}

// Of a version whose manifest does not tell how long the schedule is.
TEST_F(RunStatusDamage, TakesTheStepsOfAnOlderRunFromItsConfiguration) {
  json life = made_life();
  for (const char* key :
       {"total_steps", "steps_per_epoch", "global_batch", "process", "user", "job_id", "id"})
    life.erase(key);
  run_.write_lives({life});
  EXPECT_EQ(status().total_steps, 0) << "nothing tells it";
  write_text(run_.at("config.toml"),
             "[batch]\nglobal = 32  # default\n[schedule]\nepochs = 7\nmax_steps = 0\n");
  EXPECT_EQ(status().total_steps, 70);
  EXPECT_EQ(status().global_batch, 32);
  write_text(run_.at("config.toml"),
             "[batch]\nglobal = 32\n[schedule]\nmax_steps = 55\nepochs = 7\n");
  EXPECT_EQ(status().total_steps, 55);
  write_text(run_.at("config.toml"), "[batch\nglobal = ");
  EXPECT_EQ(status().total_steps, 0);
  json failure = made_failure();
  failure.erase("start");
  write_text(run_.at("failure.json"), failure.dump());
  EXPECT_EQ(status().phase, RunPhase::kFailed);
}

}  // namespace
}  // namespace catamaran
