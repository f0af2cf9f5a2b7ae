#include "support/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "file_content.h"
#include "support/host_name.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

class AtomicFiles : public testing::Test {
 protected:
  AtomicFiles() : folder_(fs::path(testing::TempDir()) / ("atomic_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~AtomicFiles() override { fs::remove_all(folder_); }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }
  fs::path folder_;
};

TEST_F(AtomicFiles, AFileAppearsOnlyAtCommit) {
  const fs::path path = folder_ / "a.txt";
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("new content", 11);
    EXPECT_EQ(file_content(path), "old");
    file.commit();
  }
  EXPECT_EQ(file_content(path), "new content");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, FoldersAboveAreMadeUnlessTheyMustBeThere) {
  const fs::path path = folder_ / "moved/away/a.txt";
  EXPECT_THROW(write_file_atomically(path, "a", ErrorKind::kData, Parents::kMustBeThere), Error);
  EXPECT_EQ(entries(), 0u);
  write_file_atomically(path, "a");
  write_file_atomically(path, "b", ErrorKind::kData, Parents::kMustBeThere);
  EXPECT_EQ(file_content(path), "b");
}

TEST_F(AtomicFiles, WithoutCommitNothingStaysBehind) {
  {
    AtomicFile file(folder_ / "b.txt");
    file.write("x", 1);
    AtomicDirectory directory(folder_ / "pack");
    write_file_atomically(directory.path() / "part", "y");
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(AtomicFiles, ADirectoryAppearsWholeAndRefusesToReplaceUnlessAsked) {
  const fs::path target = folder_ / "pack";
  {
    AtomicDirectory directory(target);
    write_file_atomically(directory.path() / "part", "1");
    directory.commit();
  }
  EXPECT_EQ(file_content(target / "part"), "1");
  EXPECT_THROW(AtomicDirectory{target}, Error);
  AtomicDirectory again(target, /*replace=*/true);
  write_file_atomically(again.path() / "part", "2");
  again.commit();
  EXPECT_EQ(file_content(target / "part"), "2");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, AFileAndAFolderHaveTheRightsThatTheUmaskLeaves) {
  for (const mode_t mask : {mode_t{S_IWOTH}, mode_t{S_IRWXG | S_IRWXO}}) {
    const mode_t before = ::umask(mask);
    AtomicDirectory directory(folder_ / std::to_string(mask));
    write_file_atomically(directory.path() / "part", "1");
    directory.commit();
    ::umask(before);
    const auto mode_of = [](const fs::path& path) {
      struct stat status {};
      ::stat(path.c_str(), &status);
      return status.st_mode & static_cast<mode_t>(ACCESSPERMS);
    };
    EXPECT_EQ(mode_of(folder_ / std::to_string(mask)), 0777 & ~mask);
    EXPECT_EQ(mode_of(folder_ / std::to_string(mask) / "part"), 0666 & ~mask);
  }
}

TEST_F(AtomicFiles, RemovesLeftoversOfDeadProcessesOnly) {
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder_ / "c.txt");
    ::_exit(0);  // dies with its temporary file there
  }
  ::waitpid(child, nullptr, 0);
  const AtomicFile mine(folder_ / "d.txt");
  EXPECT_EQ(entries(), 2u);
  remove_stale_temporaries(folder_);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, LeftoversOfOtherHostsGoOnlyWhereNobodyElseWrites) {
  const fs::path other = folder_ / ".step-00000001.tmp.node7.cluster.4711";
  fs::create_directory(other);
  std::ofstream(folder_ / ".hidden") << "no temporary";
  remove_stale_temporaries(folder_);
  EXPECT_TRUE(fs::exists(other));
  remove_stale_temporaries(folder_, TemporaryOwner::kNobody);
  EXPECT_FALSE(fs::exists(other));
  EXPECT_TRUE(fs::exists(folder_ / ".hidden"));
}

TEST_F(AtomicFiles, AFolderMovedAsideGoesBackWhereNothingHasTakenItsPlace) {
  for (const char* name : {".a.tmp.~node7.4711", ".a.tmp.node7.4711", ".b.tmp.~node7.4711", "b",
                           ".c.old.tmp.node7.1"}) {
    fs::create_directory(folder_ / name);
    std::ofstream(folder_ / name / "part") << name;
  }
  remove_stale_temporaries(folder_);
  EXPECT_EQ(entries(), 5u) << "node7 may still be at it";
  remove_stale_temporaries(folder_, TemporaryOwner::kNobody);
  EXPECT_EQ(file_content(folder_ / "a" / "part"), ".a.tmp.~node7.4711");
  EXPECT_EQ(file_content(folder_ / "b" / "part"), "b");
  EXPECT_EQ(entries(), 2u);
}

TEST_F(AtomicFiles, WhatNothingHasBeenWrittenToIsALeftoverWhosever) {
  const auto now = fs::file_time_type::clock::now();
  const auto make = [&](const char* name, std::chrono::seconds age) {
    fs::create_directory(folder_ / name);
    std::ofstream(folder_ / name / "part") << name;
    fs::last_write_time(folder_ / name / "part", now - age);
    fs::last_write_time(folder_ / name, now - std::chrono::hours(1));
  };
  make(".old.tmp.node7.4711", std::chrono::seconds(10));
  make(".young.tmp.node7.4711", std::chrono::seconds(5));
  make(".aside.tmp.~node7.4711", std::chrono::hours(1));
  remove_temporaries(stale_temporaries(folder_, now - std::chrono::seconds(8)));
  EXPECT_EQ(file_content(folder_ / "aside/part"), ".aside.tmp.~node7.4711") << "it went back";
  EXPECT_TRUE(fs::exists(folder_ / ".young.tmp.node7.4711/part"))
      << "a file in it is being written";
  EXPECT_EQ(entries(), 2u);
}

TEST_F(AtomicFiles, AReplacementThatIsKilledHalfWayLeavesTheOldFolder) {
  const fs::path target = folder_ / "step";
  fs::create_directory(target);
  std::ofstream(target / "part") << "old";
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicDirectory again(target, /*replace=*/true);
    fs::rename(target, folder_ / (".step.tmp.~" + host_name() + "." + std::to_string(::getpid())));
    ::_exit(0);  // as commit() does it, up to the second rename
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(fs::exists(target));
  remove_stale_temporaries(folder_);
  EXPECT_EQ(file_content(target / "part"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, TheTemporariesOfOneTargetGoWhoeverHasLeftThem) {
  for (const char* name : {".a.tmp.node7.cluster.4711", ".a.tmp.node8.1", ".a.tmp.tmp.node8.1",
                           ".b.tmp.node8.1", ".a.tmp.node8.x", "a.tmp.node8.1", ".tmp.node8.1"})
    std::ofstream(folder_ / name) << "left";
  EXPECT_THAT(targets_of_temporaries(folder_),
              testing::ElementsAre(folder_ / "a", folder_ / "a.tmp", folder_ / "b"));
  remove_temporaries_of(folder_ / "a");
  EXPECT_THAT(targets_of_temporaries(folder_),
              testing::ElementsAre(folder_ / "a.tmp", folder_ / "b"));
  EXPECT_EQ(entries(), 5u);
}

TEST_F(AtomicFiles, WhatNeedNotOutliveACrashAppearsCompleteOrNotAtAll) {
  AtomicDirectory directory(folder_ / "copy");
  AtomicFile file(directory.path() / "part");
  file.write("12", 2);
  EXPECT_FALSE(fs::exists(directory.path() / "part"));
  file.commit(Durability::kUntilCrash);
  EXPECT_FALSE(fs::exists(folder_ / "copy"));
  directory.commit(Durability::kUntilCrash);
  EXPECT_EQ(file_content(folder_ / "copy/part"), "12");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, ALibraryMayWriteTheFileByItsName) {
  AtomicFile file(folder_ / "e.txt");
  std::ofstream(file.path()) << "by name";
  EXPECT_FALSE(fs::exists(folder_ / "e.txt"));
  file.commit();
  EXPECT_EQ(file_content(folder_ / "e.txt"), "by name");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, ATargetThatCannotBeWrittenIsRefusedBeforehand) {
  require_writable_target(folder_ / "new/f.txt");
  EXPECT_TRUE(fs::is_empty(folder_ / "new"));
  for (const fs::path& wrong : {folder_ / "new", folder_ / "new/", fs::path("/proc/none/x")}) {
    EXPECT_THROW(require_writable_target(wrong, ErrorKind::kUsage), Error) << wrong;
  }
}

TEST_F(AtomicFiles, ADeviceOrPipeIsNeverReplaced) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), S_IRUSR | S_IWUSR), 0);
  EXPECT_THROW(write_file_atomically(pipe, "text", ErrorKind::kUsage), Error);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(entries(), 1u);
  EXPECT_THROW(write_file_atomically("", "text", ErrorKind::kUsage), Error);
}

TEST_F(AtomicFiles, AnErrorNamesThePathAndTheKind) {
  try {
    write_file_atomically("/proc/none/x", "y", ErrorKind::kWeights);
    FAIL();
  } catch (const Error& problem) {
    EXPECT_EQ(problem.kind(), ErrorKind::kWeights);
    EXPECT_NE(std::string(problem.what()).find("/proc/none"), std::string::npos);
  }
}

}  // namespace
}  // namespace catamaran
