#include "support/resource_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kGiB = int64_t{1} << 30;

ResourceFacts plenty() {
  return {.locked_memory_bytes = -1,
          .open_files = 65536,
          .memory_bytes = 256 * kGiB,
          .shared_memory_bytes = 128 * kGiB,
          .shared_memory_free_bytes = 127 * kGiB,
          .shared_memory_is_writable = true,
          .has_infiniband = true};
}

Finding about(const std::string& topic, const ResourceFacts& facts, int64_t ranks = 8) {
  for (const Finding& finding : judge_resources(facts, ranks)) {
    if (finding.topic == topic) return finding;
  }
  ADD_FAILURE() << "nothing is said about " << topic;
  return {};
}

TEST(ResourceLimits, AreFineWhereThereIsPlenty) {
  for (const Finding& finding : judge_resources(plenty(), 8))
    EXPECT_EQ(finding.level, FindingLevel::kOk) << finding.topic << ": " << finding.what;
}

TEST(ResourceLimits, OfLockedMemoryMatterWhereThereIsInfiniBand) {
  ResourceFacts facts = plenty();
  facts.locked_memory_bytes = 64 * 1024;
  const Finding finding = about("locked-memory", facts);
  EXPECT_EQ(finding.level, FindingLevel::kWarn);
  EXPECT_THAT(finding.todo, HasSubstr("memlock unlimited"));
  facts.has_infiniband = false;
  EXPECT_EQ(about("locked-memory", facts).level, FindingLevel::kOk);
}

TEST(ResourceLimits, OfOpenFilesAreTooFewBelowAThousandAndTwentyFour) {
  ResourceFacts facts = plenty();
  facts.open_files = 1023;
  EXPECT_EQ(about("open-files", facts).level, FindingLevel::kWarn);
  facts.open_files = 1024;
  EXPECT_EQ(about("open-files", facts).level, FindingLevel::kOk);
}

TEST(ResourceLimits, OfMemoryAreSharedByTheRanksOfTheHost) {
  ResourceFacts facts = plenty();
  facts.memory_bytes = 16 * kGiB;
  EXPECT_EQ(about("memory", facts, 8).level, FindingLevel::kOk) << "2 GiB each";
  EXPECT_EQ(about("memory", facts, 9).level, FindingLevel::kWarn);
  facts.memory_bytes = 0;
  EXPECT_EQ(about("memory", facts).level, FindingLevel::kNote);
}

TEST(ResourceLimits, ASmallSharedMemoryWarnsAndAFullOneForbidsTraining) {
  ResourceFacts facts = plenty();
  facts.shared_memory_bytes = 64 * kMiB;  // as many containers have it
  facts.shared_memory_free_bytes = 64 * kMiB;
  EXPECT_EQ(about("shared-memory", facts, 1).level, FindingLevel::kOk);
  EXPECT_EQ(about("shared-memory", facts, 8).level, FindingLevel::kWarn);
  facts.shared_memory_free_bytes = 64 * kMiB - 1;
  const Finding full = about("shared-memory", facts, 8);
  EXPECT_EQ(full.level, FindingLevel::kFail);
  EXPECT_THAT(full.todo, HasSubstr("delete what dead jobs have left there"));
  facts.shared_memory_is_writable = false;
  EXPECT_EQ(about("shared-memory", facts, 1).level, FindingLevel::kFail);
  facts.shared_memory_bytes = -1;
  EXPECT_THAT(about("shared-memory", facts).what, HasSubstr("there is no /dev/shm"));
}

TEST(ResourceLimits, AreReadFromTheSystem) {
  const fs::path folder =
      fs::path(testing::TempDir()) / ("resource-limits-" + std::to_string(::getpid()));
  fs::create_directories(folder / "infiniband/mlx5_0");
  const ResourceFacts facts =
      read_resources({.shared_memory = folder, .infiniband = folder / "infiniband"});
  EXPECT_GT(facts.open_files, 0);
  EXPECT_GT(facts.memory_bytes, 0);
  EXPECT_GT(facts.shared_memory_bytes, 0) << "that of the folder's file system";
  EXPECT_GE(facts.shared_memory_bytes, facts.shared_memory_free_bytes);
  EXPECT_TRUE(facts.shared_memory_is_writable);
  EXPECT_TRUE(facts.has_infiniband);
  fs::remove_all(folder);
  const ResourceFacts without =
      read_resources({.shared_memory = folder, .infiniband = folder / "infiniband"});
  EXPECT_EQ(without.shared_memory_bytes, -1);
  EXPECT_FALSE(without.has_infiniband);
}

}  // namespace
}  // namespace catamaran
