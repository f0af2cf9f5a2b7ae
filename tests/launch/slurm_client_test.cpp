#include "launch/slurm_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MpiKinds, AreThoseOfEveryVersionOfSlurm) {
  EXPECT_THAT(parse_mpi_kinds("MPI plugin types are...\n\tcray_shasta\n\tnone\n\tpmi2\n\tpmix\n"
                              "specific pmix plugin versions available: pmix_v4,pmix_v5\n"),
              ElementsAre("cray_shasta", "none", "pmi2", "pmix", "pmix_v4", "pmix_v5"));
  EXPECT_THAT(parse_mpi_kinds("srun: MPI types are...\nsrun: none\nsrun: pmix_v3\nsrun: pmix\n"),
              ElementsAre("none", "pmix_v3", "pmix"));
  EXPECT_THAT(parse_mpi_kinds("srun: error: no controller is up.\n"), IsEmpty());
}

TEST(SlurmSeconds, AreReadInEveryForm) {
  EXPECT_EQ(parse_slurm_seconds("1-12:00:00"), 129600);
  EXPECT_EQ(parse_slurm_seconds("2-03"), 2 * 86400 + 3 * 3600);
  EXPECT_EQ(parse_slurm_seconds("2-03:04"), 2 * 86400 + 3 * 3600 + 4 * 60);
  EXPECT_EQ(parse_slurm_seconds("1:00:00"), 3600);
  EXPECT_EQ(parse_slurm_seconds("30:00"), 1800);
  EXPECT_EQ(parse_slurm_seconds("60"), 3600);
  for (const char* none : {"infinite", "UNLIMITED", "n/a", "", "1-", "1:2:3:4", "-1:00", "a:b"})
    EXPECT_EQ(parse_slurm_seconds(none), std::nullopt) << none;
}

TEST(MaxArraySize, IsFoundAmongTheConfiguration) {
  EXPECT_EQ(parse_max_array_size("Configuration data as of 2026-01-01T00:00:00\n"
                                 "LaunchParameters        = (null)\n"
                                 "MaxArraySize            = 1001\nMaxJobCount = 10000\n"),
            1001);
  EXPECT_EQ(parse_max_array_size("MaxArraySize = 0\n"), 0);
  EXPECT_EQ(parse_max_array_size("MaxArraySize =\nOther = 3\n"), std::nullopt);
  EXPECT_EQ(parse_max_array_size(""), std::nullopt);
}

TEST(JobNumber, IsWhatSbatchPrints) {
  EXPECT_EQ(parse_job_number("4711\n"), "4711");
  EXPECT_EQ(parse_job_number("4711;cluster\n"), "4711");
  EXPECT_EQ(parse_job_number("Submitted batch job 4711\n"), "4711");
  EXPECT_EQ(parse_job_number("welcome\n4711\n"), "4711");
  for (const char* none : {"", "error", "12_3\n", "99999999999\n"})
    EXPECT_EQ(parse_job_number(none), std::nullopt) << none;
}

TEST(JobNumber, IsOfAJobOrOfATask) {
  for (const char* job : {"1", "4711_3", "4711_1000"}) EXPECT_TRUE(is_job_number(job)) << job;
  for (const char* job : {"", "_3", "12_", "12_3_4", "12a", "-1", "12 ", "12;x"})
    EXPECT_FALSE(is_job_number(job)) << job;
}

}  // namespace
}  // namespace catamaran
