// What is told of a run in each phase.
#include "monitoring/run_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "monitoring/run_status_json.h"
#include "status_run.h"

namespace catamaran {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunStatusTest : public testing::Test {
 protected:
  RunStatus status() const { return read_run_status(run_.folder()); }

  TemporaryDirectory root_;
  StatusRun run_{root_.path() / "folder-name"};
};

TEST_F(RunStatusTest, IsPendingBeforeTheFirstStart) {
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kPending);
  EXPECT_EQ(s.name, "folder-name");
  EXPECT_EQ(s.reason, "");
  EXPECT_EQ(s.checkpoint_step, -1);
  EXPECT_EQ(s.updated_unix_seconds, 0);
  EXPECT_FALSE(s.exit_code || s.map || s.best_map || s.eta_seconds);
  EXPECT_THAT(s.problems, IsEmpty());
  EXPECT_EQ(read_run_status(root_.path() / "not-made-yet").phase, RunPhase::kPending);
}

TEST_F(RunStatusTest, TellsOfARunThatRunsHowFarItIsAndHowLongItTakes) {
  const FileDescriptor job = run_.lock();
  run_.write_lives({made_life()});
  run_.write_steps(1, 40);
  run_.write_checkpoint(30, 0.5);
  run_.write_evaluation("epoch-0003", 0.45, 30);
  run_.write_evaluation("epoch-0002", 0.5, 20);
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kRunning);
  EXPECT_EQ(s.name, "cat-1");
  EXPECT_EQ(s.step, 40);
  EXPECT_EQ(s.total_steps, 100);
  EXPECT_EQ(s.epoch, 3);
  EXPECT_EQ(s.global_batch, 32);
  EXPECT_EQ(s.world, 2);
  EXPECT_DOUBLE_EQ(s.loss, 0.7 / 40);
  EXPECT_DOUBLE_EQ(s.learning_rate, 0.03);
  EXPECT_DOUBLE_EQ(s.images_per_second, 64);
  EXPECT_DOUBLE_EQ(s.data_wait_ratio, 0.1);
  ASSERT_TRUE(s.eta_seconds);
  EXPECT_DOUBLE_EQ(*s.eta_seconds, 60 * 2) << "with what lies between steps, by the steady clock";
  EXPECT_DOUBLE_EQ(s.map.value_or(0), 0.45);
  EXPECT_DOUBLE_EQ(s.best_map.value_or(0), 0.5);
  EXPECT_EQ(s.checkpoint_step, 30);
  EXPECT_NEAR(s.checkpoint_unix_seconds, unix_seconds(), 60);
  EXPECT_NEAR(s.updated_unix_seconds, unix_seconds(), 60);
  EXPECT_EQ(s.started_unix_seconds, kStarted);
  EXPECT_NEAR(s.busy_seconds, unix_seconds() - kStarted, 60);
  EXPECT_EQ(s.host, "n1");
  EXPECT_EQ(s.user, "ada");
  EXPECT_EQ(s.job_id, "1207_3");
  EXPECT_EQ(s.restarts, 0);
  EXPECT_EQ(s.starts_without_progress, 0);
  EXPECT_FALSE(s.exit_code);
  EXPECT_THAT(s.problems, IsEmpty());
}

TEST_F(RunStatusTest, RunsWhileAStartHasNotWrittenItsEntryYet) {
  {
    const FileDescriptor job = run_.lock(1);
    EXPECT_EQ(status().phase, RunPhase::kRunning) << "the first start";
    EXPECT_EQ(status().host, host_name());
    run_.write_lives({ended_life(made_life(), "signal", 40)});
    EXPECT_EQ(status().phase, RunPhase::kRunning) << "another process than that which stopped";
    EXPECT_EQ(status().host, host_name());
  }
  EXPECT_EQ(status().phase, RunPhase::kStopped);
}

TEST_F(RunStatusTest, HasEndedWhileTheProcessThatSaidSoGoesAway) {
  const FileDescriptor job = run_.lock(4711);
  run_.write_lives({ended_life(made_life(), "done", 100)});
  EXPECT_EQ(status().phase, RunPhase::kDone);
}

TEST_F(RunStatusTest, IsDone) {
  run_.write_lives({ended_life(made_life(), "done", 100)});
  run_.write_steps(1, 100);
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kDone);
  EXPECT_EQ(s.step, 100);
  EXPECT_EQ(s.exit_code, 0);
  EXPECT_EQ(s.reason, "");
  EXPECT_FALSE(s.eta_seconds);
  EXPECT_EQ(s.busy_seconds, 100);
}

TEST_F(RunStatusTest, IsStoppedBySignalOrTimeLimit) {
  run_.write_lives({ended_life(made_life(), "signal", 40)});
  EXPECT_EQ(status().phase, RunPhase::kStopped);
  EXPECT_EQ(status().reason, "signal at step 40; submit it again");
  EXPECT_EQ(status().exit_code, 75);
  EXPECT_EQ(status().step, 40) << "although nothing else tells it";
  run_.write_lives({ended_life(made_life(), "time limit", 41)});
  EXPECT_EQ(status().reason, "time limit at step 41; submit it again");
}

TEST_F(RunStatusTest, HasFailedWithTheCauseAndTheBadNodesOfItsFailure) {
  run_.write_lives({made_life()});
  run_.write_steps(1, 40);
  write_text(run_.at("failure.json"), made_failure().dump());
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kFailed);
  EXPECT_EQ(s.reason, "rank 1 (process 7 on n2) failed: the shard is gone");
  EXPECT_EQ(s.exit_code, 3);
  EXPECT_THAT(s.exclude_hosts, ElementsAre("n2"));
  EXPECT_EQ(s.starts_without_progress, 1);
}

TEST_F(RunStatusTest, DoesNotTakeTheFailureOfAnEarlierStartForThatOfTheNewest) {
  run_.write_lives({made_life(), made_life(0, "00000000000000bb")});
  write_text(run_.at("failure.json"), made_failure().dump());
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kLost);
  EXPECT_THAT(s.exclude_hosts, IsEmpty());
}

TEST_F(RunStatusTest, IsLostWhereNothingSaysWhy) {
  run_.write_lives({made_life()});
  run_.write_steps(1, 40);
  const RunStatus s = status();
  EXPECT_EQ(s.phase, RunPhase::kLost);
  EXPECT_THAT(s.reason, HasSubstr("without a word"));
  EXPECT_FALSE(s.exit_code || s.eta_seconds);
}

TEST_F(RunStatusTest, TellsAnEndByTheLastWordOfItsLog) {
  run_.write_lives({made_life()});
  run_.write_log("a line", kStarted + 1);
  run_.write_log("the disk is full", kStarted + 2, "weights");
  EXPECT_EQ(status().phase, RunPhase::kFailed);
  EXPECT_EQ(status().reason, "the disk is full");
  EXPECT_EQ(status().exit_code, 4);
}

TEST_F(RunStatusTest, TellsAStartThatWasRefusedAfterAStop) {
  run_.write_lives({ended_life(made_life(), "signal", 40)});
  run_.write_log("an old error", kStarted + 50, "data");
  EXPECT_EQ(status().phase, RunPhase::kStopped) << "it is of before";
  run_.write_log("the pack has changed", kStarted + 1000, "usage");
  EXPECT_EQ(status().phase, RunPhase::kFailed);
  EXPECT_EQ(status().reason, "the pack has changed");
  EXPECT_EQ(status().exit_code, 2);
}

TEST_F(RunStatusTest, HasTheJobOfTheNewestSubmission) {
  const auto submit = [&](const std::string& job, double at) {
    write_text(run_.at("submitted.json"),
               json({{"job_id", job}, {"submitted_unix_seconds", at}}).dump());
  };
  submit("1206", kStarted - 10);
  EXPECT_EQ(status().phase, RunPhase::kPending);
  EXPECT_EQ(status().job_id, "1206");
  run_.write_lives({ended_life(made_life(), "time limit", 40)});
  EXPECT_EQ(status().job_id, "1207_3") << "that of the start is newer";
  submit("1300", kStarted + 1000);
  EXPECT_EQ(status().phase, RunPhase::kStopped);
  EXPECT_EQ(status().job_id, "1300") << "it waits in the queue";
}

TEST_F(RunStatusTest, TellsAPointOfASweepThatFailedBeforeItWroteAnything) {
  const auto end = [&](int code, const std::string& reason, double at = kStarted + 50) {
    write_text(run_.at("outcome.json"),
               json({{"state", "ended"}, {"code", code}, {"reason", reason}, {"unix_seconds", at}})
                   .dump());
  };
  for (const int code : {0, 75}) {
    end(code, "");
    EXPECT_EQ(status().phase, RunPhase::kPending);
  }
  end(2, "batch.global: must be positive");
  EXPECT_EQ(status().phase, RunPhase::kFailed);
  EXPECT_EQ(status().reason, "batch.global: must be positive");
  EXPECT_EQ(status().exit_code, 2);
  run_.write_lives({made_life()});
  end(137, "");
  EXPECT_EQ(status().reason, "it ended with code 137");
  end(137, "", kStarted - 50);
  EXPECT_EQ(status().phase, RunPhase::kLost) << "it is of an earlier start";
}

TEST_F(RunStatusTest, TellsAStartThatWasRefusedAfterAFailure) {
  run_.write_lives({made_life()});
  json failure = made_failure();
  failure["unix_seconds"] = kStarted + 60;
  write_text(run_.at("failure.json"), failure.dump());
  run_.write_log("a rank was lost", kStarted + 59, "communication");
  EXPECT_EQ(status().reason, failure.at("cause").get<std::string>())
      << "what all ranks together say";
  run_.write_log("3 starts in a row ended without a new checkpoint", kStarted + 65, "data");
  EXPECT_EQ(status().reason, "3 starts in a row ended without a new checkpoint");
}

TEST_F(RunStatusTest, CountsStartsAndThoseWithoutProgress) {
  run_.write_checkpoint(20);
  run_.write_lives({ended_life(made_life(), "signal", 10), made_life(10, "b"), made_life(20, "c"),
                    made_life(20, "d"), made_life(20, "e")});
  EXPECT_EQ(status().restarts, 4);
  EXPECT_EQ(status().starts_without_progress, 3);
  {
    const FileDescriptor job = run_.lock();
    EXPECT_EQ(status().starts_without_progress, 2) << "the newest still runs";
    run_.write_checkpoint(30);
    EXPECT_EQ(status().starts_without_progress, 0);
  }
  EXPECT_EQ(status().starts_without_progress, 0);
}

TEST_F(RunStatusTest, AddsTheTimeOfItsLives) {
  json killed = made_life(10, "b", kStarted + 1000);
  killed["last_seen_unix_seconds"] = kStarted + 1050;
  run_.write_lives({ended_life(made_life(), "signal", 10), killed,
                    ended_life(made_life(10, "c", kStarted + 2000), "done", 100, kStarted + 2007)});
  EXPECT_EQ(status().busy_seconds, 100 + 50 + 7);
}

TEST_F(RunStatusTest, StandsWhereAResumedRunBeginsBeforeItsFirstStep) {
  const FileDescriptor job = run_.lock();
  run_.write_lives({made_life(60)});
  EXPECT_EQ(status().step, 60);
  run_.write_steps(1, 60);
  ASSERT_TRUE(status().eta_seconds) << "by the steps before";
  EXPECT_DOUBLE_EQ(*status().eta_seconds, 40 * 2);
}

TEST_F(RunStatusTest, ShowsALossThatIsNotFinite) {
  run_.write_lives({made_life()});
  RunLog log(run_.at("metrics.jsonl"));
  StepReport report = fake_step(1);
  report.loss = NAN;
  log.record(report);
  EXPECT_TRUE(std::isnan(status().loss));
  EXPECT_TRUE(run_status_json(status()).at("loss").is_null());
}

TEST_F(RunStatusTest, FindsTheBestEvaluationWithoutACheckpoint) {
  run_.write_lives({made_life()});
  run_.write_evaluation("epoch-0001", 0.7, 10);
  run_.write_evaluation("step-00000015", 0.6, 15);
  run_.write_evaluation("epoch-0002", 0.5, 20);
  EXPECT_DOUBLE_EQ(status().map.value_or(0), 0.5);
  EXPECT_DOUBLE_EQ(status().best_map.value_or(0), 0.7);
}

TEST_F(RunStatusTest, PrintsEveryKeyAsJsonAndNullForWhatIsNotKnown) {
  const nlohmann::ordered_json pending = run_status_json(status());
  for (const char* key : {"total_steps", "eta_seconds", "loss", "map", "best_map", "exit_code",
                          "checkpoint_step", "updated_unix_seconds", "job_id", "reason"})
    EXPECT_TRUE(pending.at(key).is_null()) << key;
  EXPECT_EQ(pending.at("state"), "pending");
  run_.write_lives({ended_life(made_life(), "signal", 40)});
  run_.write_steps(1, 40);
  const nlohmann::ordered_json stopped = run_status_json(status());
  EXPECT_EQ(stopped.size(), pending.size());
  EXPECT_EQ(stopped.at("state"), "stopped");
  EXPECT_EQ(stopped.at("step"), 40);
  EXPECT_DOUBLE_EQ(stopped.at("progress").get<double>(), 0.4);
  EXPECT_EQ(stopped.at("exit_code"), 75);
  EXPECT_EQ(stopped.at("job_id"), "1207_3");
}

TEST(RunPhaseNames, ReadBack) {
  for (const char* name : {"pending", "running", "stopped", "failed", "lost", "done"}) {
    ASSERT_TRUE(phase_named(name)) << name;
    EXPECT_EQ(phase_name(*phase_named(name)), name);
  }
  EXPECT_FALSE(phase_named("Running"));
}

}  // namespace
}  // namespace catamaran
