#include "support/storage_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMiB = int64_t{1} << 20;

class StorageProbe : public testing::Test {
 protected:
  StorageProbe() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~StorageProbe() override { fs::remove_all(folder_); }
  fs::path mountinfo(const std::string& text) const {
    std::ofstream(folder_ / "mountinfo") << text;
    return folder_ / "mountinfo";
  }
  fs::path folder_ =
      fs::canonical(testing::TempDir()) / ("storage-probe-" + std::to_string(::getpid()));
};

StorageFacts good() {
  return {.folder = "/shared/runs",
          .mount = {.type = "ext4", .options = "rw", .point = "/shared"},
          .problem = "",
          .locks = LockKind::kExclusive,
          .rename_problem = "",
          .sync_seconds = 0.01,
          .free_bytes = 1000000 * kMiB,
          .free_files = 1000000};
}

FindingLevel level_of(const std::string& topic, const StorageFacts& facts) {
  for (const Finding& finding : judge_storage(facts)) {
    if (finding.topic == topic) return finding.level;
  }
  ADD_FAILURE() << "nothing is said about " << topic;
  return FindingLevel::kOk;
}

TEST_F(StorageProbe, FindsAFolderGoodAndLeavesNothing) {
  const StorageFacts facts = probe_storage(folder_);
  EXPECT_EQ(facts.folder, folder_);
  EXPECT_EQ(facts.problem, "");
  EXPECT_EQ(facts.locks, LockKind::kExclusive);
  EXPECT_EQ(facts.rename_problem, "");
  EXPECT_GT(facts.sync_seconds, 0);
  EXPECT_GT(facts.free_bytes, 0);
  EXPECT_NE(facts.mount.type, "");
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(StorageProbe, WorksAboveAFolderThatIsNotThereYetAndDoesNotMakeIt) {
  const StorageFacts facts = probe_storage(folder_ / "runs/cat-1/");
  EXPECT_EQ(facts.folder, folder_);
  EXPECT_EQ(facts.problem, "");
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(StorageProbe, LeavesAFolderOfTheNameThatItWouldTakeAlone) {
  fs::create_directories(folder_ / "doctor");
  std::ofstream(folder_ / "doctor/notes") << "mine";
  EXPECT_EQ(probe_storage(folder_).problem, "");
  EXPECT_TRUE(fs::exists(folder_ / "doctor/notes"));
}

TEST_F(StorageProbe, SaysWhyNothingCanBeMadeThere) {
  EXPECT_NE(probe_storage("/proc/run").problem, "");
  std::ofstream(folder_ / "file") << "a file";
  const StorageFacts facts = probe_storage(folder_ / "file");
  EXPECT_THAT(facts.problem, HasSubstr("file"));
  const std::vector<Finding> findings = judge_storage(facts);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].level, FindingLevel::kFail);
  EXPECT_EQ(findings[0].topic, "run-directory");
}

TEST_F(StorageProbe, FindsTheMountOfAPath) {
  const fs::path file = mountinfo(
      "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "30 22 0:40 / /shared rw - nfs4 server:/export rw,vers=4.2\n"
      "31 22 0:41 / /shared/with\\040space rw - lustre mgs:/fs rw,localflock\n"
      "32 22 0:42 / /share rw - tmpfs none rw\n"
      "33 22 0:43 / /again rw - xfs /dev/vdb rw\n"
      "34 22 0:44 / /again rw,noatime - btrfs /dev/vdc rw\n"
      "a line that is no mount\n");
  EXPECT_EQ(mount_of("/shared/runs/1", file).type, "nfs4");
  EXPECT_TRUE(mount_of("/shared/runs/1", file).has_option("vers=4.2"));
  EXPECT_EQ(mount_of("/shared", file).type, "nfs4");
  EXPECT_EQ(mount_of("/shared/with space/x", file).type, "lustre");
  EXPECT_TRUE(mount_of("/shared/with space/x", file).has_option("localflock"));
  EXPECT_FALSE(mount_of("/shared/with space/x", file).has_option("flock"));
  EXPECT_EQ(mount_of("/shareware", file).type, "ext4") << "not below /share";
  EXPECT_EQ(mount_of("/again/x", file).type, "btrfs") << "the newest lies on top";
  EXPECT_EQ(mount_of("/home", file).type, "ext4");
  EXPECT_EQ(mount_of("/home", folder_ / "nothing").type, "");
}

TEST_F(StorageProbe, KnowsFileSystemsThatSeveralMachinesMount) {
  for (const char* type : {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "fuse.sshfs"})
    EXPECT_TRUE(is_shared_type(type)) << type;
  for (const char* type : {"ext4", "xfs", "tmpfs", "overlay", ""})
    EXPECT_FALSE(is_shared_type(type)) << type;
}

TEST_F(StorageProbe, JudgesGoodStorageFine) {
  for (const Finding& finding : judge_storage(good()))
    EXPECT_EQ(finding.level, FindingLevel::kOk) << finding.topic << ": " << finding.what;
}

TEST_F(StorageProbe, JudgesLocks) {
  StorageFacts facts = good();
  facts.locks = LockKind::kNone;
  EXPECT_EQ(level_of("file-locks", facts), FindingLevel::kNote) << "there is the heartbeat";
  facts.locks = LockKind::kNotExclusive;
  EXPECT_EQ(level_of("file-locks", facts), FindingLevel::kWarn);
  facts.locks = LockKind::kExclusive;
  facts.mount.options = "rw,localflock";
  EXPECT_EQ(level_of("file-locks", facts), FindingLevel::kWarn);
}

TEST_F(StorageProbe, JudgesRenamesThatDoNotReplaceAsForbiddingTraining) {
  StorageFacts facts = good();
  facts.rename_problem = "a file that was renamed over another has not taken its place";
  EXPECT_EQ(level_of("file-rename", facts), FindingLevel::kFail);
}

TEST_F(StorageProbe, JudgesSlowSyncs) {
  StorageFacts facts = good();
  facts.sync_seconds = 2;
  EXPECT_EQ(level_of("file-sync", facts), FindingLevel::kOk);
  facts.sync_seconds = 2.1;
  EXPECT_EQ(level_of("file-sync", facts), FindingLevel::kWarn);
}

TEST_F(StorageProbe, JudgesRoom) {
  StorageFacts facts = good();
  facts.free_bytes = 1024 * kMiB - 1;
  EXPECT_EQ(level_of("file-room", facts), FindingLevel::kWarn);
  facts.free_bytes = 64 * kMiB - 1;
  EXPECT_EQ(level_of("file-room", facts), FindingLevel::kFail);
  facts = good();
  facts.free_files = 0;
  EXPECT_EQ(level_of("file-room", facts), FindingLevel::kFail);
  facts.free_files = -1;
  EXPECT_EQ(level_of("file-room", facts), FindingLevel::kOk);
}

TEST_F(StorageProbe, WarnsOfARunDirectoryInMemory) {
  StorageFacts facts = good();
  facts.mount.type = "tmpfs";
  EXPECT_EQ(level_of("run-directory", facts), FindingLevel::kWarn);
}

}  // namespace
}  // namespace catamaran
