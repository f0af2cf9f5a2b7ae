#include "trainer/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunDirectoryTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(folder_); }

  // A process that holds the directory until it is killed.
  pid_t holder() const {
    const pid_t process = ::fork();
    if (process == 0) {
      try {
        RunDirectory run(folder_, 0);
        run.keep();
        for (;;) ::pause();
      } catch (...) {
        ::_exit(1);
      }
    }
    for (int i = 0; i < 500 && !fs::exists(folder_ / "checkpoints"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return process;
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("run-directory-" + std::to_string(::getpid()));
};

TEST_F(RunDirectoryTest, RefusesASecondHolderAndNamesHostAndProcessOfTheFirst) {
  const pid_t first = holder();
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  try {
    const RunDirectory second(folder_, 0.2);
    ADD_FAILURE() << "two hold the same run directory";
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("in use by host " + std::string(host.data()) +
                                          ", process " + std::to_string(first)));
    EXPECT_THAT(problem.what(), HasSubstr(folder_.string()));
  }
  ::kill(first, SIGKILL);
  ::waitpid(first, nullptr, 0);
}

TEST_F(RunDirectoryTest, IsFreeAgainWhenItsHolderHasDied) {
  const pid_t first = holder();
  ::kill(first, SIGKILL);
  ::waitpid(first, nullptr, 0);
  EXPECT_NO_THROW(RunDirectory(folder_, 0));
}

TEST_F(RunDirectoryTest, WaitsForAHolderThatIsDying) {
  const pid_t first = holder();
  std::jthread killer([first] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ::kill(first, SIGKILL);
    ::waitpid(first, nullptr, 0);
  });
  EXPECT_NO_THROW(RunDirectory(folder_, 20));
}

TEST_F(RunDirectoryTest, IsTakenByForceAndItsFirstHolderMayWriteNoMore) {
  RunDirectory first(folder_, 0);
  first.keep();
  EXPECT_NO_THROW(first.require_held());
  EXPECT_EQ(first.taken_from(), "");
  RunDirectory second(folder_, 0, TakeOver::kByForce);
  second.keep();
  EXPECT_THAT(second.taken_from(), HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_NO_THROW(second.require_held());
  try {
    first.require_held();
    ADD_FAILURE() << "two jobs may write";
  } catch (const WeightsError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("another job has taken the run directory over"));
  }
}

TEST_F(RunDirectoryTest, NoticesThatItWasMovedAwayAndThatAnotherIsInItsPlace) {
  const fs::path moved = folder_.string() + "-moved";
  RunDirectory run(folder_, 0);
  run.keep();
  fs::rename(folder_, moved);
  EXPECT_THROW(run.require_held(), WeightsError);
  RunDirectory(folder_, 0).keep();
  EXPECT_THROW(run.require_held(), WeightsError);
  fs::remove_all(folder_);
  fs::rename(moved, folder_);
  EXPECT_NO_THROW(run.require_held());
}

TEST_F(RunDirectoryTest, TellsWhetherItWasMovedOrTakenOver) {
  const fs::path moved = folder_.string() + "-moved";
  RunDirectory first(folder_, 0);
  first.keep();
  EXPECT_EQ(first.hold(), RunHold::kHeld);
  fs::rename(folder_, moved);
  EXPECT_EQ(first.hold(), RunHold::kMoved);
  RunDirectory(folder_, 0).keep();
  EXPECT_EQ(first.hold(), RunHold::kMoved) << "the lock there is of another folder";
  fs::remove_all(folder_);
  fs::rename(moved, folder_);
  fs::remove(folder_ / "lock");
  EXPECT_EQ(first.hold(), RunHold::kHeld) << "somebody deleted it";
  const RunDirectory second(folder_, 0);
  EXPECT_EQ(first.hold(), RunHold::kTakenOver);
  EXPECT_NE(first.start(), second.start());
}

TEST_F(RunDirectoryTest, AStartThatFailsDeletesNothingOfTheJobThatTookItOver) {
  std::optional<RunDirectory> failing(std::in_place, folder_, 0);  // it made the folder
  RunDirectory second(folder_, 0, TakeOver::kByForce);
  second.keep();
  failing.reset();
  EXPECT_TRUE(fs::exists(folder_ / "checkpoints"));
  EXPECT_EQ(second.hold(), RunHold::kHeld);
}

TEST_F(RunDirectoryTest, AStartThatFailsDeletesNothingOfAnotherFolderInItsPlace) {
  const fs::path moved = folder_.string() + "-moved";
  std::optional<RunDirectory> failing(std::in_place, folder_, 0);
  fs::rename(folder_, moved);
  RunDirectory(folder_, 0).keep();
  failing.reset();
  EXPECT_TRUE(fs::exists(folder_ / "checkpoints"));
  fs::remove_all(moved);
}

// Where there is no flock a job that took the run over, and has ended, leaves no lock behind.
TEST_F(RunDirectoryTest, ALockWithAHeartbeatThatIsGoneWasTakenOver) {
  fs::create_directories(folder_);
  const fs::path path = folder_ / "lock";
  RunLock lock;
  lock.heartbeat = HeartbeatLock::try_take(
      path, "first", [](const std::string&) { return false; }, ErrorKind::kUsage);
  EXPECT_FALSE(lock.is_lost_at(path));
  fs::remove(path);
  EXPECT_TRUE(lock.is_lost_at(path));
}

TEST_F(RunDirectoryTest, IsFreeAgainWhenTheObjectIsGone) {
  {
    const RunDirectory first(folder_, 0);
    EXPECT_THROW(RunDirectory(folder_, 0), UsageError);
  }
  const RunDirectory second(folder_, 0);
  EXPECT_TRUE(fs::is_directory(second.checkpoints()));
}

}  // namespace
}  // namespace catamaran
