// One holder at a time on a file system without flock, whoever else comes meanwhile.
#include "support/heartbeat_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/clock.h"

namespace catamaran {
namespace {

// What a network file system may do: it answers a stat of what it remembers of the path.
std::atomic<const struct stat*> remembered = nullptr;
// And one that has no hard links.
std::atomic<bool> has_links = true;

}  // namespace
}  // namespace catamaran

extern "C" {

int stat(const char* path, struct stat* into) noexcept {
  const struct stat* const known = catamaran::remembered;
  if (known == nullptr) return ::fstatat(AT_FDCWD, path, into, 0);
  *into = *known;
  return 0;
}

int link(const char* from, const char* to) noexcept {
  if (catamaran::has_links) return ::linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
  errno = EPERM;
  return -1;
}
}

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr double kBeat = 1000;

class HeartbeatLockTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    has_links = true;
    fs::remove_all(folder_);
  }

  static std::unique_ptr<HeartbeatLock> take_at(const fs::path& path,
                                                const HeartbeatLock::IsDead& is_dead,
                                                double beat_seconds = kBeat) {
    return HeartbeatLock::try_take(path, "mine", is_dead, ErrorKind::kUsage, beat_seconds);
  }
  std::unique_ptr<HeartbeatLock> take(bool holder_is_dead = false,
                                      double beat_seconds = kBeat) const {
    return take_at(
        path_, [=](const std::string&) { return holder_is_dead; }, beat_seconds);
  }
  static void age(const fs::path& path, seconds by) {
    fs::last_write_time(path, fs::last_write_time(path) - by);
  }
  // As one that a process left which beat last so long ago.
  static void leave(const fs::path& path, seconds long_ago) {
    std::ofstream(path) << "another's";
    age(path, long_ago);
  }
  std::string text_there() const {
    std::string text;
    std::getline(std::ifstream(path_), text);
    return text;
  }
  int64_t files() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("heartbeat-" + std::to_string(::getpid()));
  const fs::path path_ = folder_ / "lock";
};

TEST_F(HeartbeatLockTest, IsOneHoldersAtATimeAndGoesWithIt) {
  {
    const auto first = take();
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->is_held());
    EXPECT_FALSE(take());
  }
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_TRUE(take());
}

TEST_F(HeartbeatLockTest, IsTakenOverAfterThreeHeartbeatsThatDidNotCome) {
  leave(path_, seconds(2500));
  EXPECT_FALSE(take());
  leave(path_, seconds(3500));
  const auto lock = take();
  ASSERT_TRUE(lock);
  EXPECT_TRUE(lock->is_held());
  EXPECT_EQ(text_there(), "mine");
  EXPECT_EQ(files(), 1) << "what was stale is left behind";
}

// A process of another container has a number that nobody here has, and beats.
TEST_F(HeartbeatLockTest, IsTakenOverFromOneThatIsDeadOnlyAfterAHeartbeatThatDidNotCome) {
  leave(path_, seconds(0));
  EXPECT_FALSE(take(/*holder_is_dead=*/true));
  leave(path_, seconds(1050));
  EXPECT_FALSE(take(/*holder_is_dead=*/true)) << "it may be a little late";
  EXPECT_EQ(text_there(), "another's");
  leave(path_, seconds(1550));
  EXPECT_TRUE(take(/*holder_is_dead=*/true));
}

TEST_F(HeartbeatLockTest, TellsByTheFileSystemsClockWhatIsNoLongerAnothersWork) {
  const auto lock = take();
  ASSERT_TRUE(lock);
  const fs::path work = folder_ / "work";
  std::ofstream(work) << "now";
  EXPECT_GT(fs::last_write_time(work), lock->quiet_since(ErrorKind::kUsage));
  age(work, seconds(9));
  EXPECT_LT(fs::last_write_time(work), lock->quiet_since(ErrorKind::kUsage));
  EXPECT_EQ(files(), 2) << "the file that asks for the time is left behind";
}

TEST_F(HeartbeatLockTest, BeatsWhileItIsHeld) {
  const auto lock = take(/*holder_is_dead=*/false, /*beat_seconds=*/0.05);
  ASSERT_TRUE(lock);
  const auto old = fs::last_write_time(path_) - std::chrono::hours(1);
  fs::last_write_time(path_, old);
  for (int i = 0; i < 1000 && fs::last_write_time(path_) == old; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(fs::last_write_time(path_), old);
}

TEST_F(HeartbeatLockTest, KnowsThatAnotherHasTakenItAndLeavesThatOneAlone) {
  auto first = take();
  ASSERT_TRUE(first);
  age(path_, seconds(2000));
  const auto second = take(/*holder_is_dead=*/true);
  ASSERT_TRUE(second);
  EXPECT_FALSE(first->is_held());
  first.reset();
  EXPECT_TRUE(second->is_held());
}

TEST_F(HeartbeatLockTest, KnowsThatWhereTheFileSystemRemembersItsOwnFileAtThePath) {
  const auto first = take();
  ASSERT_TRUE(first);
  struct stat own {};
  ASSERT_EQ(::stat(path_.c_str(), &own), 0);
  fs::remove(path_);
  leave(path_, seconds(0));
  remembered = &own;
  const bool is_held = first->is_held();
  remembered = nullptr;
  EXPECT_FALSE(is_held);
}

// The later has found the same file stale, and comes to move it when the earlier has the lock.
TEST_F(HeartbeatLockTest, IsPutBackByOneThatIsAMomentLaterThanAnother) {
  for (const bool links : {true, false}) {
    has_links = links;
    leave(path_, seconds(5000));
    const auto last_beat = fs::last_write_time(path_);
    std::unique_ptr<HeartbeatLock> earlier;
    const auto later = take_at(path_, [&](const std::string&) {
      earlier = take();
      fs::last_write_time(path_, last_beat);  // even if its time is the same
      return true;
    });
    ASSERT_TRUE(earlier);
    EXPECT_FALSE(later);
    EXPECT_TRUE(earlier->is_held());
    EXPECT_EQ(files(), 1);
  }
}

TEST_F(HeartbeatLockTest, IsPutBackToAHolderThatBeatAfterAll) {
  leave(path_, seconds(5000));
  EXPECT_FALSE(take_at(path_, [&](const std::string&) {
    fs::last_write_time(path_, fs::file_time_type::clock::now());
    return true;
  }));
  EXPECT_EQ(text_there(), "another's");
  EXPECT_EQ(files(), 1);
}

// By one who stood still after moving it away, for longer than its owner waits before it looks.
TEST_F(HeartbeatLockTest, IsHadByOneWhoseFileIsPutBackLate) {
  std::unique_ptr<HeartbeatLock> lock;
  for (bool in_time = false; !in_time;) {
    lock.reset();
    const Stopwatch since;
    const std::jthread taker([&] { lock = take(); });
    while (!fs::exists(path_)) std::this_thread::yield();
    fs::rename(path_, folder_ / "aside");
    in_time = since.seconds() < HeartbeatLock::kSettleSeconds;
    std::this_thread::sleep_for(std::chrono::duration<double>(1.4 * HeartbeatLock::kSettleSeconds));
    fs::rename(folder_ / "aside", path_);
    in_time = in_time && since.seconds() < 2 * HeartbeatLock::kSettleSeconds;
  }
  ASSERT_TRUE(lock);
  EXPECT_TRUE(lock->is_held());
}

// Who finds no lock may have come between two that take one over, and be moved away by the later.
TEST_F(HeartbeatLockTest, IsNotHadByOneWhoseFileIsGoneAMomentLater) {
  std::unique_ptr<HeartbeatLock> lock;
  for (bool in_time = false; !in_time;) {
    lock.reset();
    fs::remove(path_);
    const Stopwatch since;
    const std::jthread taker([&] { lock = take(); });
    while (!fs::exists(path_)) std::this_thread::yield();
    fs::remove(path_);
    leave(path_, seconds(0));
    in_time = since.seconds() < HeartbeatLock::kSettleSeconds;
  }
  EXPECT_FALSE(lock);
  EXPECT_EQ(text_there(), "another's");
}

TEST_F(HeartbeatLockTest, IsOnesInTheEndWhereSeveralTakeItOverAtOnce) {
  constexpr int kRounds = 40;  // side by side, since each waits
  constexpr int kTakers = 3;
  std::vector<std::array<std::unique_ptr<HeartbeatLock>, kTakers>> locks(kRounds);
  std::barrier begin(kRounds * kTakers);
  std::vector<std::jthread> takers;
  for (int round = 0; round < kRounds; ++round) {
    const fs::path path = folder_ / ("lock-" + std::to_string(round));
    leave(path, seconds(5000));
    for (auto& lock : locks[static_cast<size_t>(round)]) {
      takers.emplace_back([&lock, &begin, path] {
        begin.arrive_and_wait();
        lock = take_at(path, [](const std::string&) { return true; });
      });
    }
  }
  takers.clear();  // waits for them
  for (const auto& round : locks) {
    const auto held = [](const auto& lock) { return lock && lock->is_held(); };
    EXPECT_EQ(std::ranges::count_if(round, held), 1);
    EXPECT_EQ(std::ranges::count_if(round, [](const auto& lock) { return lock != nullptr; }), 1);
  }
  EXPECT_EQ(files(), kRounds);
}

}  // namespace
}  // namespace catamaran
