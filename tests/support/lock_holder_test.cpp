#include "support/lock_holder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "support/clock.h"
#include "support/file_descriptor.h"
#include "support/heartbeat_lock.h"
#include "support/host_name.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNoProcess = "2147483647";
constexpr double kLongAgo = 3600;  // seconds

class LockHolderTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(path_); }

  void write(const std::string& host, const std::string& process, double seconds_ago = 0) const {
    std::ofstream(path_) << "host " + host + ", process " + process +
                                ", since 2026-01-01 00:00 UTC\n";
    age(seconds_ago);
  }
  void age(double seconds_ago) const {
    const auto seconds = static_cast<time_t>(unix_seconds() - seconds_ago);
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }
  FileDescriptor locked() const {
    FileDescriptor file(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
    return file;
  }
  LockLook look(double other_signs = 0) const {
    return look_at_lock(path_, unix_seconds(), other_signs);
  }

  const fs::path path_ = fs::path(testing::TempDir()) / ("holder-" + std::to_string(::getpid()));
};

TEST_F(LockHolderTest, ReadsItsOwnSignature) {
  const std::optional<LockHolder> holder = lock_holder(lock_signature());
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->host, host_name());
  EXPECT_EQ(holder->process, ::getpid());
  EXPECT_FALSE(is_dead_holder(lock_signature()));
}

TEST_F(LockHolderTest, ReadsNoHolderInAnotherText) {
  for (const char* text : {"", "host", "host n1", "host n1, process ", "host n1, process x",
                           "host n1, process -4", "my notes", "process 4, host n1"})
    EXPECT_FALSE(lock_holder(text)) << text;
}

TEST_F(LockHolderTest, IsDeadWhereThisHostHasNoSuchProcess) {
  EXPECT_TRUE(is_dead_holder("host " + host_name() + ", process " + kNoProcess + ", since"));
  EXPECT_FALSE(is_dead_holder(std::string("host elsewhere, process ") + kNoProcess + ", since"));
}

TEST_F(LockHolderTest, SeesALockThatIsHeldAndTakesNothing) {
  write(host_name(), "1", kLongAgo);
  {
    const FileDescriptor held = locked();
    EXPECT_TRUE(look().is_held);
    EXPECT_TRUE(look().exists);
  }
  EXPECT_FALSE(look().is_held);
  const FileDescriptor after = locked();  // nobody who looked has kept it
}

TEST_F(LockHolderTest, DoesNotBelieveAFreshFileOfThisHostWhoseLockIsFree) {
  write(host_name(), kNoProcess);
  EXPECT_FALSE(look().is_held) << "killed a moment ago";
  write(host_name(), std::to_string(::getpid()));
  EXPECT_FALSE(look().is_held) << "another program has its number now";
}

TEST_F(LockHolderTest, BelievesAnotherHostThatRenewedTheFileLately) {
  write("elsewhere", "7");
  EXPECT_TRUE(look().is_held) << "locks of other hosts may not be seen here";
  write(
      "elsewhere", "7",
      HeartbeatLock::kMissedBeats * HeartbeatLock::kBeatSeconds + LockLook::kClockSkewSeconds + 5);
  EXPECT_FALSE(look().is_held);
  EXPECT_TRUE(look(/*other_signs=*/unix_seconds()).is_held) << "it writes its logs";
}

TEST_F(LockHolderTest, HasNoHolderWithoutAFileOrWithoutItsText) {
  EXPECT_FALSE(look().exists);
  EXPECT_FALSE(look().is_held);
  std::ofstream(path_) << "somebody's notes\n";
  EXPECT_TRUE(look().exists);
  EXPECT_FALSE(look().is_held);
  EXPECT_EQ(look().holder, "somebody's notes");
}

TEST_F(LockHolderTest, DoesNotWaitForAPipe) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(look().exists);
}

}  // namespace
}  // namespace catamaran
