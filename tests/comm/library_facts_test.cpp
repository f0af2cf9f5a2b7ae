#include "comm/library_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace catamaran {
namespace {

using ::testing::HasSubstr;

Finding judged(int64_t built, int64_t found) {
  return judge_nccl({.built = true, .built_code = built, .found_code = found, .problem = ""});
}

TEST(NcclFacts, AreFineWhereTheLibraryIsTheOneThatWasBuiltFor) {
  EXPECT_EQ(judged(23007, 23007), fine("nccl", "NCCL 2.30.7"));
  EXPECT_EQ(judged(23007, 23101).level, FindingLevel::kNote) << "a newer one";
}

TEST(NcclFacts, WarnOfAnOlderLibraryAndForbidOneOfAnotherMajorVersion) {
  const Finding older = judged(23007, 22903);
  EXPECT_EQ(older.level, FindingLevel::kWarn);
  EXPECT_THAT(older.what, HasSubstr("NCCL 2.29.3, built for 2.30.7"));
  EXPECT_THAT(older.todo, HasSubstr("LD_LIBRARY_PATH"));
  EXPECT_EQ(judged(23007, 30000).level, FindingLevel::kFail);
}

TEST(NcclFacts, TellWhereThereIsNone) {
  EXPECT_EQ(judge_nccl({}).level, FindingLevel::kNote);
  EXPECT_EQ(
      judge_nccl({.built = true, .built_code = 23007, .found_code = 0, .problem = "no"}).level,
      FindingLevel::kFail);
}

TEST(MpiLibrary, SaysItsNameAndVersionOnOneLine) {
  const std::string name = mpi_library();
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find_first_of(",\n"), std::string::npos);
}

}  // namespace
}  // namespace catamaran
