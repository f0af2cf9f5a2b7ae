#include "support/process_state.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace catamaran {
namespace {

TEST(ProcessState, OfThisProcessIsAlive) {
  EXPECT_EQ(process_state(::getpid()), ProcessState::kAlive);
}

TEST(ProcessState, TellsStoppedAndGoneOnes) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  ::kill(child, SIGSTOP);
  int status = 0;
  ::waitpid(child, &status, WUNTRACED);
  EXPECT_EQ(process_state(child), ProcessState::kStopped);
  ::kill(child, SIGKILL);
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
  EXPECT_EQ(process_state(child), ProcessState::kGone);  // a zombie
  ::waitpid(child, &status, 0);
  EXPECT_EQ(process_state(child), ProcessState::kGone);
}

TEST(ProcessNamespace, IsThatOfTheProcessesItStarts) {
  const uint64_t mine = process_namespace();
  EXPECT_NE(mine, 0U);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(process_namespace() == mine ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace catamaran
