#include "launch/discovery_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

constexpr double kNow = 10'000;
constexpr double kGrace = 600;

DiscoveryVerdict verdict(std::optional<RunPhase> phase, std::optional<SlurmAnswer::Kind> slurm,
                         double silent = 1000) {
  std::optional<RunStatus> run;
  if (phase) {
    run.emplace();
    run->phase = *phase;
    run->updated_unix_seconds = kNow - silent;
  }
  std::optional<SlurmAnswer> job;
  if (slurm) job = SlurmAnswer{.kind = *slurm, .text = "PENDING"};
  DiscoveryTarget target;
  target.file = "x.json";
  target.address = "n1:9";
  target.run = "a";
  return judge_discovery(target, run, job, kNow, kGrace);
}

TEST(DiscoverySweep, LetsThoseStayThatRunWhateverSlurmSays) {
  for (const auto slurm :
       {SlurmAnswer::kNoSlurm, SlurmAnswer::kSilent, SlurmAnswer::kNotKnown, SlurmAnswer::kKnown})
    EXPECT_FALSE(verdict(RunPhase::kRunning, slurm).goes);
  EXPECT_FALSE(verdict(RunPhase::kRunning, std::nullopt).goes);
}

TEST(DiscoverySweep, TakesThoseThatEndedWell) {
  for (const RunPhase phase : {RunPhase::kDone, RunPhase::kStopped}) {
    EXPECT_TRUE(verdict(phase, std::nullopt, /*silent=*/1).goes);
    EXPECT_TRUE(verdict(phase, SlurmAnswer::kKnown, /*silent=*/1).goes);
  }
}

TEST(DiscoverySweep, TakesThoseThatDiedOnceTheirAlertHasBeenSeen) {
  for (const RunPhase phase : {RunPhase::kFailed, RunPhase::kLost}) {
    EXPECT_FALSE(verdict(phase, std::nullopt, /*silent=*/kGrace - 1).goes);
    EXPECT_TRUE(verdict(phase, std::nullopt, /*silent=*/kGrace + 1).goes);
    EXPECT_TRUE(verdict(phase, SlurmAnswer::kNoSlurm).goes);
    EXPECT_TRUE(verdict(phase, SlurmAnswer::kNotKnown).goes);
    EXPECT_FALSE(verdict(phase, SlurmAnswer::kKnown).goes) << "it will be started again";
    EXPECT_FALSE(verdict(phase, SlurmAnswer::kSilent).goes);
  }
  EXPECT_THAT(verdict(RunPhase::kLost, SlurmAnswer::kKnown).why, HasSubstr("PENDING"));
  EXPECT_THAT(verdict(RunPhase::kLost, SlurmAnswer::kNotKnown).why,
              HasSubstr("the run is lost, and Slurm does not know its job any more"));
}

TEST(DiscoverySweep, AsksSlurmAloneWhereTheRunDirectoryIsNotThere) {
  EXPECT_TRUE(verdict(std::nullopt, SlurmAnswer::kNotKnown).goes);
  for (const auto slurm : {SlurmAnswer::kNoSlurm, SlurmAnswer::kSilent, SlurmAnswer::kKnown})
    EXPECT_FALSE(verdict(std::nullopt, slurm).goes);
  EXPECT_FALSE(verdict(std::nullopt, std::nullopt).goes);
}

TEST(DiscoverySweep, AsksSqueueOnlyAboutNumbersOfJobs) {
  for (const char* id : {"--help", "1; rm x", "", "abc"})
    EXPECT_EQ(ask_squeue(id).kind, SlurmAnswer::kSilent) << id;
}

TEST(DiscoverySweep, RefusesAFolderThatIsNotThere) {
  EXPECT_THROW(sweep_discovery({.folder = "/nowhere/at/all"}, ask_squeue), UsageError);
}

}  // namespace
}  // namespace catamaran
