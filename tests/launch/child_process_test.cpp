#include "launch/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ChildProcess : public testing::Test {
 protected:
  ChildProcess() : output_(fs::path(testing::TempDir()) / ("child-" + std::to_string(::getpid()))) {
    fs::remove(output_);
  }
  ~ChildProcess() override { fs::remove(output_); }

  int run(const ChildCommand& child) const {
    const HeldSignals signals;
    const pid_t process = start_child(child, signals);
    EXPECT_EQ(signals.next(), SIGCHLD);
    int status = 0;
    EXPECT_EQ(::waitpid(process, &status, 0), process);
    return exit_code_of(status);
  }
  std::string printed() const {
    std::ifstream file(output_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path output_;
};

TEST_F(ChildProcess, WhatItPrintsIsAppendedToItsFile) {
  EXPECT_EQ(run({.command = {"sh", "-c", "echo one; echo two >&2"}, .output = output_}), 0);
  EXPECT_EQ(run({.command = {"sh", "-c", "echo three; exit 4"}, .output = output_}), 4);
  EXPECT_EQ(printed(), "one\ntwo\nthree\n");
}

TEST_F(ChildProcess, ItRunsOnItsCoresAlone) {
  const std::vector<int> cores = own_cores();
  ASSERT_FALSE(cores.empty());
  EXPECT_EQ(run({.command = {"sh", "-c", "grep Cpus_allowed_list: /proc/self/status"},
                 .output = output_,
                 .cores = {cores.back()}}),
            0);
  EXPECT_THAT(printed(), HasSubstr("\t" + std::to_string(cores.back()) + "\n"));
  EXPECT_EQ(own_cores(), cores);  // this process still has all
}

TEST_F(ChildProcess, SeveralRunAtOnceAndEachEndIsHeard) {
  const HeldSignals signals;
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i)
    children.push_back(start_child({.command = {"sh", "-c", "kill -9 $$"}}, signals));
  size_t ended = 0;
  while (ended < children.size()) {
    const timespec second{.tv_sec = 1, .tv_nsec = 0};
    signals.next_within(second);  // several ends may be one signal
    for (pid_t& child : children) {
      int status = 0;
      if (child > 0 && ::waitpid(child, &status, WNOHANG) == child) {
        EXPECT_EQ(exit_code_of(status), 137);
        child = 0;
        ++ended;
      }
    }
  }
  EXPECT_EQ(ended, 3u);
}

TEST_F(ChildProcess, AWishToStopIsHeldUntilItIsAskedForAndTheChildDoesNotHoldIt) {
  const HeldSignals signals;
  ::kill(::getpid(), SIGTERM);  // would end this process
  EXPECT_EQ(signals.next(), SIGTERM);
  const pid_t child = start_child({.command = {"sleep", "60"}}, signals);
  ::kill(child, SIGUSR1);
  EXPECT_EQ(signals.next(), SIGCHLD);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(exit_code_of(status), 128 + SIGUSR1);
}

TEST_F(ChildProcess, WhatCannotBeStartedOrWrittenIsSaid) {
  const HeldSignals signals;
  try {
    start_child({.command = {"no-such-program"}, .option = "sweep run", .hint = "look"}, signals);
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_STREQ(problem.what(),
                 "sweep run: no-such-program cannot be started: No such file or directory; look");
  }
  try {
    start_child({.command = {"true"}, .output = output_ / "in" / "a" / "file"}, signals);
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("cannot open the file for output"));
  }
}

}  // namespace
}  // namespace catamaran
