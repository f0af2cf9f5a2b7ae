#include "comm/launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace catamaran {
namespace {

using ::testing::HasSubstr;

LauncherFacts launcher_of(const std::map<std::string, std::string>& variables) {
  return read_launcher([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launcher, IsNobodyWithoutItsVariables) {
  const LauncherFacts facts = launcher_of({});
  EXPECT_EQ(facts.name, "");
  EXPECT_EQ(facts.rank, -1);
  EXPECT_EQ(facts.processes, 1);
  EXPECT_FALSE(launcher_problem(facts));
  EXPECT_FALSE(world_problem(facts, 1));
}

TEST(Launcher, IsMpirunAlsoInsideASlurmJob) {
  const LauncherFacts facts = launcher_of({{"OMPI_COMM_WORLD_SIZE", "4"},
                                           {"OMPI_COMM_WORLD_RANK", "3"},
                                           {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                           {"PMIX_RANK", "3"},
                                           {"SLURM_JOB_ID", "17"},
                                           {"SLURM_STEP_ID", "0"}});
  EXPECT_EQ(facts.name, "mpirun");
  EXPECT_EQ(facts.rank, 3);
  EXPECT_EQ(facts.local_rank, 1);
  EXPECT_EQ(facts.processes, 4);
  EXPECT_EQ(facts.slurm_job, "17");
  EXPECT_FALSE(launcher_problem(facts));
}

TEST(Launcher, IsSrunWithPmix) {
  const LauncherFacts facts = launcher_of({{"SLURM_JOB_ID", "17"},
                                           {"SLURM_STEP_ID", "2"},
                                           {"SLURM_STEP_NUM_TASKS", "8"},
                                           {"SLURM_PROCID", "5"},
                                           {"SLURM_LOCALID", "1"},
                                           {"PMIX_RANK", "5"},
                                           {"PMIX_VERSION", "4.2.2"}});
  EXPECT_EQ(facts.name, "srun");
  EXPECT_EQ(facts.rank, 5);
  EXPECT_EQ(facts.local_rank, 1);
  EXPECT_EQ(facts.processes, 8);
  EXPECT_EQ(facts.pmix_version, "4.2.2");
  EXPECT_FALSE(launcher_problem(facts));
  EXPECT_FALSE(world_problem(facts, 8));
}

TEST(Launcher, OfSrunWithoutPmixForbidsMpi) {
  const auto problem = launcher_problem(
      launcher_of({{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}, {"PMI_RANK", "0"}}));
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->level, FindingLevel::kFail);
  EXPECT_THAT(problem->todo, HasSubstr("--mpi=pmix"));
}

TEST(Launcher, IsNobodyInABatchScript) {
  for (const char* step : {"4294967291", "4294967292"}) {  // Slurm's numbers for them
    const LauncherFacts facts =
        launcher_of({{"SLURM_JOB_ID", "17"}, {"SLURM_STEP_ID", step}, {"SLURM_PROCID", "0"}});
    EXPECT_EQ(facts.name, "");
    EXPECT_FALSE(launcher_problem(facts));
  }
  EXPECT_EQ(launcher_of({{"SLURM_JOB_ID", "17"}, {"SLURM_PROCID", "0"}}).name, "");
}

TEST(Launcher, OfAnotherMpiMakesJobsOfOneRank) {
  const LauncherFacts facts = launcher_of({{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}});
  EXPECT_EQ(facts.name, "another launcher");
  EXPECT_EQ(facts.rank, 1);
  EXPECT_FALSE(world_problem(facts, 4));
  const auto problem = world_problem(facts, 1);
  ASSERT_TRUE(problem);
  EXPECT_THAT(problem->what, HasSubstr("has started 4 processes, and MPI sees 1"));
}

TEST(Launcher, TakesWhatIsNoNumberForNothing) {
  const LauncherFacts facts =
      launcher_of({{"OMPI_COMM_WORLD_SIZE", "many"}, {"OMPI_COMM_WORLD_RANK", "1x"}});
  EXPECT_EQ(facts.processes, 1);
  EXPECT_EQ(facts.rank, -1);
}

}  // namespace
}  // namespace catamaran
