#include "launch/program_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/clock.h"
#include "support/process_state.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
constexpr double kLong = 60;

TEST(ProgramOutput, HasBothStreamsAndTheCode) {
  const ProgramOutput said = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"}, kLong);
  EXPECT_TRUE(said.found);
  EXPECT_EQ(said.out, "out\n");
  EXPECT_EQ(said.err, "err\n");
  EXPECT_EQ(said.code, 3);
  EXPECT_FALSE(said.ok());
  EXPECT_TRUE(run_program({"true"}, kLong).ok());
}

TEST(ProgramOutput, TellsASignalAsShellsDo) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$"}, kLong).code, 128 + SIGTERM);
}

TEST(ProgramOutput, WordsReachTheProgramAsTheyAreWithoutAShell) {
  const ProgramOutput said =
      run_program({"printf", "%s|", "a b", "$HOME", "*", "; exit 1", ""}, kLong);
  EXPECT_EQ(said.out, "a b|$HOME|*|; exit 1||");
}

TEST(ProgramOutput, WhatIsNotOnThePathIsNotFound) {
  EXPECT_FALSE(run_program({"no-such-program-at-all"}, kLong).found);
  EXPECT_FALSE(run_program({"/no/such/folder/program"}, kLong).found);
  EXPECT_FALSE(run_program({"/etc/passwd"}, kLong).found) << "it is there and no program";
  EXPECT_FALSE(run_program({}, kLong).found);
  EXPECT_FALSE(run_program({"no-such-program-at-all"}, kLong).ok());
}

TEST(ProgramOutput, StdinIsEmpty) {
  const ProgramOutput said = run_program({"cat"}, kLong);
  EXPECT_TRUE(said.ok());
  EXPECT_EQ(said.out, "");
}

TEST(ProgramOutput, OutputBeyondAMebibyteIsCutAndTheProgramGoesOn) {
  const ProgramOutput said = run_program(
      {"sh", "-c", "head -c 3000000 /dev/zero; head -c 1048577 /dev/zero >&2; exit 7"}, kLong);
  EXPECT_EQ(said.out.size(), size_t{1} << 20);
  EXPECT_EQ(said.err.size(), size_t{1} << 20);
  EXPECT_EQ(said.code, 7);
}

TEST(ProgramOutput, WhatTakesTooLongIsKilledWithItsChildren) {
  const fs::path file =
      fs::path(testing::TempDir()) / ("program-output-" + std::to_string(::getpid()));
  const Stopwatch time;
  const ProgramOutput said = run_program(
      {"sh", "-c", "echo began; sleep 600 & echo $! >\"$1\"; wait", "sh", file.string()}, 2);
  EXPECT_LT(time.seconds(), 30);
  EXPECT_TRUE(said.found);
  EXPECT_TRUE(said.timed_out);
  EXPECT_FALSE(said.ok());
  EXPECT_EQ(said.code, 128 + SIGKILL);
  EXPECT_EQ(said.out, "began\n");
  int64_t child = 0;
  std::ifstream(file) >> child;
  fs::remove(file);
  ASSERT_GT(child, 0);
  for (int i = 0; i < 500 && process_state(child) != ProcessState::kGone; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(process_state(child), ProcessState::kGone);
}

TEST(ProgramOutput, AChildThatKeepsTheStreamsOpenDoesNotKeepTheCaller) {
  const Stopwatch time;
  const ProgramOutput said = run_program({"sh", "-c", "sleep 20 & echo done"}, kLong);
  EXPECT_TRUE(said.ok());
  EXPECT_EQ(said.out, "done\n");
  EXPECT_LT(time.seconds(), 15);
}

TEST(ProgramOutput, AProgramThatClosesItsStreamsIsWaitedFor) {
  EXPECT_EQ(run_program({"sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 5"}, kLong).code, 5);
}

TEST(ProgramOutput, IgnoredAndBlockedSignalsOfTheCallerAreTheProgramsOwnAgain) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  sigset_t held;
  sigset_t old;
  sigemptyset(&held);
  sigaddset(&held, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &held, &old);
  EXPECT_EQ(run_program({"sh", "-c", "kill -PIPE $$; exit 0"}, kLong).code, 128 + SIGPIPE);
  EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$; exit 0"}, kLong).code, 128 + SIGTERM);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  std::signal(SIGPIPE, before);
}

TEST(ProgramOutput, ManyAtOnceDoNotMixTheirOutput) {
  std::vector<std::thread> threads;
  std::vector<std::string> seen(8);
  for (size_t i = 0; i < seen.size(); ++i) {
    threads.emplace_back([&seen, i] {
      seen[i] = run_program({"echo", std::to_string(i)}, kLong).out;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], std::to_string(i) + "\n");
}

TEST(ProgramOutput, NoDescriptorIsLeftBehind) {
  const auto open_descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  run_program({"true"}, kLong);
  const auto before = open_descriptors();
  for (int i = 0; i < 5; ++i) run_program({"echo", "x"}, kLong);
  run_program({"no-such-program-at-all"}, kLong);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace catamaran
