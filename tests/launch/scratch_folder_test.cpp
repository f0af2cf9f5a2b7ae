#include "launch/scratch_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& given) {
  try {
    return "accepted: " + scratch_folder(given);
  } catch (const UsageError& problem) {
    return problem.what();
  }
}

TEST(ScratchFolder, WritesVariablesOut) {
  ::setenv("CATAMARAN_TEST_SCRATCH", "/scratch/17", 1);
  EXPECT_EQ(scratch_folder(""), "");
  EXPECT_EQ(scratch_folder("/local/packs"), "/local/packs");
  EXPECT_EQ(scratch_folder("$CATAMARAN_TEST_SCRATCH/a"), "/scratch/17/a");
  EXPECT_EQ(scratch_folder("/x${CATAMARAN_TEST_SCRATCH}y"), "/x/scratch/17y");
  ::unsetenv("CATAMARAN_TEST_SCRATCH");
}

TEST(ScratchFolder, RefusesWhatIsNotSet) {
  ::unsetenv("CATAMARAN_TEST_SCRATCH");
  EXPECT_THAT(refusal("$CATAMARAN_TEST_SCRATCH/a"), HasSubstr("CATAMARAN_TEST_SCRATCH is not set"));
  EXPECT_THAT(refusal("/a/$/b"), HasSubstr("a $ without a name"));
  EXPECT_THAT(refusal("${A"), HasSubstr("a $ without a name"));
}

TEST(ScratchFolder, TakesTheJobsOwnFolderWhereItIsAuto) {
  ::setenv("TMPDIR", "/tmp/of-the-user", 1);
  ::unsetenv("SLURM_TMPDIR");
  EXPECT_EQ(scratch_folder("auto"), "/tmp/of-the-user");
  ::setenv("SLURM_TMPDIR", "/scratch/job", 1);
  EXPECT_EQ(scratch_folder("auto"), "/scratch/job");
  ::unsetenv("SLURM_TMPDIR");
  ::unsetenv("TMPDIR");
  EXPECT_THAT(refusal("auto"), HasSubstr("neither is set"));
}

}  // namespace
}  // namespace catamaran
