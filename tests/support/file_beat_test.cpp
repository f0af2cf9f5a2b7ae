#include "support/file_beat.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "support/clock.h"
#include "support/file_end.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

TEST(FileBeat, RenewsTheFileForAsLongAsItLives) {
  const fs::path path = fs::path(testing::TempDir()) / ("beat-" + std::to_string(::getpid()));
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
  ASSERT_TRUE(file);
  const timespec long_ago[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::futimens(file.get(), long_ago), 0);
  {
    const FileBeat beat(file, 0.02);
    const Stopwatch waiting;
    while (changed_unix_seconds(path) < 2000 && waiting.seconds() < 20)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_NEAR(changed_unix_seconds(path), unix_seconds(), 30);
  }
  ASSERT_EQ(::futimens(file.get(), long_ago), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(changed_unix_seconds(path), 1000);
  fs::remove(path);
}

TEST(FileBeat, EndsAtOnceHoweverLongItsBeat) {
  const fs::path path = fs::path(testing::TempDir()) / ("beat-end-" + std::to_string(::getpid()));
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
  const Stopwatch waiting;
  { const FileBeat beat(file, 3600); }
  EXPECT_LT(waiting.seconds(), 10);
  fs::remove(path);
}

}  // namespace
}  // namespace catamaran
