#include "launch/sweep_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "launch/config.h"
#include "launch/exit_code.h"
#include "launch/sweep_record.h"
#include "launch/sweep_train.h"
#include "support/host_name.h"
#include "sweep_fixture.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr pid_t kNobody = 0x7ffffff0;  // above any process's number

Outcome outcome(bool ended, int code, double unix_seconds = 1000) {
  return {.ended = ended,
          .code = code,
          .reason = code == 0 ? "" : "broken",
          .failures = 1,
          .until = 0,
          .unix_seconds = unix_seconds,
          .host = host_name(),
          .process = kNobody};
}

RunStatus run_in(RunPhase phase, double updated = 0) {
  RunStatus run;
  run.phase = phase;
  run.updated_unix_seconds = updated;
  return run;
}

class SweepPointsTest : public SweepFolder {
 protected:
  static constexpr const char* kThree =
      "samples = 640\n[axes.grid]\n\"optimizer.name\" = [\"sgd\", \"adamw\", \"lamb\"]\n";
  static constexpr const char* kRungs = "[halving]\nrungs = [0.5]\nkeep = 0.3\n";

  // A point that came to this step of 20 with this value, in a start that was to end there.
  void trained(const SweepPoint& point, int64_t step, double map, int64_t until) const {
    const std::string folder = "out/" + point.id + "/";
    write(folder + "eval/step-" + std::to_string(step) + ".json",
          "{\"step\": " + std::to_string(step) + ", \"map\": " + std::to_string(map) + "}");
    write(folder + "config.toml", "");
    write(folder + "manifest.json",
          nlohmann::json(
              {{"lives",
                {{{"id", "1"},
                  {"started_unix_seconds", 1000},
                  {"first_step", 0},
                  {"world", 1},
                  {"ended", {{"unix_seconds", 1001}, {"step", step}, {"reason", "done"}}}}}}})
              .dump());
    write(folder + "metrics.jsonl",
          "{\"step\": " + std::to_string(step) + ", \"loss\": 1, \"images\": 32}\n");
    Outcome ended = outcome(true, 0, 1002);
    ended.until = until;
    ended.failures = 0;
    write_outcome(point.folder, ended);
  }
  static std::vector<std::string> phases(const SweepState& state) {
    std::vector<std::string> all;
    for (const PointState& point : state.points) all.push_back(phase_name(point.phase));
    return all;
  }
};

TEST(PhaseOfStart, ARunThatRunsOrIsDoneSaysSoItself) {
  const Outcome failed = outcome(true, 3);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kRunning), failed, 1000), PointPhase::kRunning);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kDone), failed, 1000), PointPhase::kDone);
}

TEST(PhaseOfStart, AStartThatFailedBeforeThereWasARunIsFailed) {
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), outcome(true, 2), 1000),
            PointPhase::kFailed);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kLost, 999), outcome(true, 137), 1000),
            PointPhase::kFailed);
}

TEST(PhaseOfStart, ARunThatWentOnSinceThenSpeaksForItself) {
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kStopped, 2000), outcome(true, 3, 1000), 3000),
            PointPhase::kStopped);
}

TEST(PhaseOfStart, AStopIsNoFailure) {
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kStopped, 999), outcome(true, 75), 1000),
            PointPhase::kStopped);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), outcome(true, 75), 1000),
            PointPhase::kStopped);
}

TEST(PhaseOfStart, AStartWithoutAnEndRunsWhileItsProcessLivesAndIsLostAfterwards) {
  Outcome begun = outcome(false, 0);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), begun, 1001), PointPhase::kLost);
  begun.process = ::getpid();
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), begun, 9000), PointPhase::kRunning);
  begun.host = "elsewhere";  // nobody can look there, but a start does not take that long
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), begun, 1001), PointPhase::kRunning);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), begun, 9000), PointPhase::kLost);
  EXPECT_EQ(phase_of_start(run_in(RunPhase::kPending), std::nullopt, 0), PointPhase::kPending);
}

TEST(OpenPoints, AreHolesAndFailuresThatAreNotThreeInARow) {
  SweepState state;
  for (const PointPhase phase : {PointPhase::kDone, PointPhase::kPending, PointPhase::kFailed,
                                 PointPhase::kFailed, PointPhase::kLost, PointPhase::kStopped,
                                 PointPhase::kRunning, PointPhase::kPruned, PointPhase::kWaiting}) {
    state.points.push_back({});
    state.points.back().phase = phase;
  }
  state.points[2].failures = 2;
  state.points[3].failures = 3;
  EXPECT_THAT(open_points(state, FailedPoints::kThreeTimes), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(open_points(state, FailedPoints::kAll), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(SweepPointsTest, APreparedSweepHoldsWhateverBecomesOfItsFile) {
  const SweepPlan plan = this->plan(kThree);
  const PreparedSweep ready = prepare_sweep(plan, FailedPoints::kThreeTimes);
  EXPECT_THAT(ready.open, ElementsAre(0, 1, 2));
  write("s.toml", "broken");
  write("base.toml", "broken");
  const SweepPlan again = read_sweep(ready.file, {});
  EXPECT_TRUE(again.prepared);
  EXPECT_EQ(ids(again), ids(plan));
  EXPECT_EQ(again.points[2].values, plan.points[2].values);
  EXPECT_EQ(again.points[2].steps, 20);
  EXPECT_EQ(again.out, folder_ / "out");
  const RunOptions options = resolve_config(again.points[2].folder / kPointConfig, {}).options;
  EXPECT_EQ(options.optimizer.name, "lamb");
  EXPECT_EQ(read_sweep(folder_ / "out", {}).points.size(), 3u);
  EXPECT_THAT(train_words(again, again.points[2], {.until = 7}),
              AllOf(Contains((again.points[2].folder / kPointConfig).string()),
                    Contains("schedule.max_steps=7"), Contains("optimizer.name=\"lamb\"")));
  EXPECT_THAT(refusal([&] { (void)read_sweep(ready.file, {"a=b"}); }),
              HasSubstr("a sweep that was prepared is as it is"));
}

TEST_F(SweepPointsTest, AFolderThatWasMovedIsReadWhereItIs) {
  prepare_sweep(plan(kThree), FailedPoints::kThreeTimes);
  fs::rename(folder_ / "out", folder_ / "moved");
  const SweepPlan plan = read_sweep(folder_ / "moved", {});
  EXPECT_EQ(plan.points[1].folder, folder_ / "moved" / plan.points[1].id);
}

TEST_F(SweepPointsTest, OnlyHolesArePreparedAgain) {
  const SweepPlan plan = this->plan(kThree);
  trained(plan.points[1], 20, 0.5, 0);
  Outcome failed = outcome(true, 3);
  failed.failures = 3;
  write_outcome(plan.points[2].folder, failed);
  const PreparedSweep ready = prepare_sweep(plan, FailedPoints::kThreeTimes);
  EXPECT_THAT(phases(ready.state), ElementsAre("pending", "done", "failed"));
  EXPECT_EQ(ready.state.points[2].reason, "broken");
  EXPECT_EQ(ready.state.points[1].value, 0.5);
  EXPECT_THAT(ready.open, ElementsAre(0));
  const SweepPlan again = read_sweep(ready.file, {});
  EXPECT_EQ(again.points[0].until, 0);
  EXPECT_EQ(again.points[1].until, kNothingToDo);
  EXPECT_EQ(next_end(again, again.points[1]), kNothingToDo);
  EXPECT_THAT(prepare_sweep(plan, FailedPoints::kAll).open, ElementsAre(0, 2));
}

TEST_F(SweepPointsTest, ARungIsDecidedOnceAllHaveComeToItOrFailed) {
  const SweepPlan plan = this->plan(std::string(kThree) + kRungs);
  const PreparedSweep first = prepare_sweep(plan, FailedPoints::kThreeTimes);
  EXPECT_EQ(first.plan.points[0].until, 10);
  trained(plan.points[0], 10, 0.5, 10);
  trained(plan.points[1], 10, 0.6, 10);
  SweepState state = read_sweep_state(plan);
  EXPECT_THAT(phases(state), ElementsAre("waiting", "waiting", "pending"));
  EXPECT_FALSE(settle_rungs(plan, state));
  write_outcome(plan.points[2].folder, outcome(true, 6));
  const PreparedSweep second = prepare_sweep(plan, FailedPoints::kThreeTimes);
  EXPECT_THAT(phases(second.state), ElementsAre("pruned", "pending", "failed"));
  EXPECT_THAT(second.open, ElementsAre(1, 2));
  EXPECT_EQ(second.plan.points[1].until, 0);   // to the end
  EXPECT_EQ(second.plan.points[2].until, 10);  // it is late
  trained(plan.points[1], 20, 0.7, 0);
  trained(plan.points[2], 10, 0.55, 10);  // below the 0.6 that went on
  EXPECT_THAT(phases(read_sweep_state(plan)), ElementsAre("pruned", "done", "pruned"));
  trained(plan.points[2], 10, 0.65, 10);
  EXPECT_THAT(phases(read_sweep_state(plan)), ElementsAre("pruned", "done", "pending"));
}

TEST_F(SweepPointsTest, TwoCannotPrepareOneSweepAtOnce) {
  const SweepPlan plan = this->plan(kThree);
  const RunLock lock = lock_sweep(plan);
  EXPECT_THAT(refusal([&] { (void)prepare_sweep(plan, FailedPoints::kThreeTimes); }),
              HasSubstr("the sweep is in use by host"));
}

TEST_F(SweepPointsTest, APlanThatSomebodyEditedIsRefusedByKey) {
  const PreparedSweep ready = prepare_sweep(plan(kThree), FailedPoints::kThreeTimes);
  std::ifstream stream(ready.file);
  const nlohmann::json good = nlohmann::json::parse(stream);
  const auto said = [&](const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json bad = good;
    change(bad);
    const fs::path file = write("out/plans/edited.json", bad.dump());
    return refusal([&] { (void)read_sweep(file, {}); });
  };
  EXPECT_EQ(said([](nlohmann::json&) {}), "accepted");
  EXPECT_THAT(said([](auto& j) { j["points"][1]["id"] = "../../../x"; }), HasSubstr("id"));
  EXPECT_THAT(said([](auto& j) { j["points"][1]["id"] = "ABCDEF012345"; }), HasSubstr("id"));
  EXPECT_THAT(said([](auto& j) { j["points"][1]["index"] = 7; }), HasSubstr("points"));
  EXPECT_THAT(said([](auto& j) { j["points"][1]["steps"] = -1; }), HasSubstr("points"));
  EXPECT_THAT(said([](auto& j) { j["metric"] = "speed"; }), HasSubstr("metric"));
  EXPECT_THAT(said([](auto& j) { j["format_version"] = 9; }), HasSubstr("format_version"));
  EXPECT_THAT(said([](auto& j) { j["halving"]["rungs"] = {2.0}; }), HasSubstr("halving"));
  EXPECT_THAT(said([](auto& j) { j.erase("keys"); }), HasSubstr("keys"));
  write("out/plans/edited.json", "[");
  EXPECT_THAT(refusal([&] { (void)read_sweep(folder_ / "out/plans/edited.json", {}); }),
              HasSubstr("edited.json"));
}

TEST_F(SweepPointsTest, AnOutcomeThatIsDamagedCountsAsNotThere) {
  const fs::path point = folder_ / "out" / "p";
  write_outcome(point, outcome(true, 3));
  ASSERT_TRUE(read_outcome(point));
  EXPECT_TRUE(read_outcome(point)->failed());
  EXPECT_EQ(read_outcome(point)->reason, "broken");
  write("out/p/outcome.json", "{");
  EXPECT_FALSE(read_outcome(point));
  write("out/p/outcome.json", std::string(200'000, ' ') + "{}");
  EXPECT_FALSE(read_outcome(point));
}

}  // namespace
}  // namespace catamaran
