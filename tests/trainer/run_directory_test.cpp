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
