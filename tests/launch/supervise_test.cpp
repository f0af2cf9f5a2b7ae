#include "launch/supervise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "launch/self_launch.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kThrew = 99;
const auto kAtOnce = [](pid_t) { return true; };

template <typename Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// A supervisor in a process of its own, with a shell script as its child. The script says that it
// is ready by writing its process number to $READY.
class Supervisor {
 public:
  explicit Supervisor(const std::string& script, OnStop on_stop = OnStop::kCheckpoint,
                      const std::function<bool(pid_t)>& ready = kAtOnce)
      : ready_(fs::path(testing::TempDir()) / ("ready-" + std::to_string(::getpid()))) {
    fs::remove(ready_);
    process_ = ::fork();
    if (process_ == 0) {
      ::setenv("READY", ready_.c_str(), 1);
      int code = kThrew;
      try {
        code = run_supervised({"sh", "-c", script}, on_stop, ready);
      } catch (...) {
      }
      ::_exit(code);
    }
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      wait();
    }
    fs::remove(ready_);
  }

  // The script's process number, once it is ready.
  pid_t child() {
    pid_t number = 0;
    EXPECT_TRUE(soon([&] { return static_cast<bool>(std::ifstream(ready_) >> number); }));
    return number;
  }
  void send(int signal) const { ::kill(process_, signal); }
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(process_, &status, 0), process_);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  fs::path ready_;
  pid_t process_ = -1;
};

constexpr const char* kLoop =
    "echo $$ > $READY.new; mv $READY.new $READY; "
    "while :; do sleep 0.02; done";

TEST(RunSupervised, PassesTheExitCodeThroughAndLeavesNoZombie) {
  EXPECT_EQ(run_supervised({"sh", "-c", "exit 0"}, OnStop::kCheckpoint, kAtOnce), 0);
  EXPECT_EQ(run_supervised({"sh", "-c", "exit 75"}, OnStop::kCheckpoint, kAtOnce), 75);
  EXPECT_EQ(run_supervised({"sh", "-c", "kill -9 $$"}, OnStop::kEnd, kAtOnce), 137);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(RunSupervised, TurnsInterruptTerminateAndUsr1IntoUsr1) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    Supervisor supervisor(std::string("trap 'exit 75' USR1; trap 'exit 1' INT TERM; ") + kLoop);
    supervisor.child();
    supervisor.send(signal);
    EXPECT_EQ(supervisor.wait(), 75) << "signal " << signal;
  }
}

TEST(RunSupervised, KeepsAWishUntilTheChildCanHearIt) {
  // Before the trap is set, USR1 would kill the script.
  const auto has_handler = [](pid_t child) {
    std::ifstream status("/proc/" + std::to_string(child) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigCgt:"))
        return (std::stoull(line.substr(8), nullptr, 16) >> (SIGUSR1 - 1) & 1) != 0;
    }
    return false;
  };
  Supervisor supervisor(
      "echo $$ > $READY.new; mv $READY.new $READY; sleep 0.5; trap 'exit 75' USR1; "
      "while :; do sleep 0.02; done",
      OnStop::kCheckpoint, has_handler);
  supervisor.child();
  supervisor.send(SIGTERM);
  EXPECT_EQ(supervisor.wait(), 75);
}

TEST(RunSupervised, EndsTheChildAtTheSecondInterrupt) {
  Supervisor supervisor(std::string("trap 'touch $READY.asked' USR1; trap 'exit 1' INT; ") + kLoop);
  supervisor.child();
  supervisor.send(SIGINT);
  const fs::path asked =
      fs::path(testing::TempDir()) / ("ready-" + std::to_string(::getpid()) + ".asked");
  EXPECT_TRUE(soon([&] { return fs::exists(asked); }));
  fs::remove(asked);
  supervisor.send(SIGINT);
  EXPECT_EQ(supervisor.wait(), 130);
}

TEST(RunSupervised, EndsAChildWithNothingToSaveAtTheFirstSignal) {
  Supervisor supervisor(std::string("trap 'exit 1' INT; ") + kLoop, OnStop::kEnd);
  supervisor.child();
  supervisor.send(SIGTERM);
  EXPECT_EQ(supervisor.wait(), 143);
}

TEST(RunSupervised, TheChildDoesNotOutliveAParentThatIsKilled) {
  Supervisor supervisor(kLoop);
  const pid_t child = supervisor.child();
  supervisor.send(SIGKILL);
  EXPECT_EQ(supervisor.wait(), -SIGKILL);
  EXPECT_TRUE(soon([&] {
    std::string number, name, state;  // a zombie waits for whoever adopted it
    std::ifstream("/proc/" + std::to_string(child) + "/stat") >> number >> name >> state;
    return state.empty() || state == "Z";
  }));
}

TEST(RunSupervised, TheChildHasAProcessGroupOfItsOwnAndReadsNothing) {
  Supervisor supervisor(std::string("cat; ") + kLoop);
  EXPECT_EQ(::getpgid(supervisor.child()), supervisor.child());
  EXPECT_NE(::getpgid(supervisor.child()), ::getpgrp());
}

TEST(RunSupervised, SaysWhatCannotBeStarted) {
  try {
    run_supervised({"no-such-mpirun", "-n", "2"}, OnStop::kCheckpoint, kAtOnce);
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("no-such-mpirun cannot be started: No such file"));
  }
}

TEST(MpirunCommand, HandsOnAllArgumentsButTheNumberOfRanks) {
  for (const auto& arguments :
       {std::vector<std::string>{"catamaran", "train", "--ranks", "3", "-x"},
        {"catamaran", "train", "--ranks=3", "-x"}}) {
    EXPECT_THAT(mpirun_command(3, arguments),
                ElementsAre("mpirun", "--quiet", "--oversubscribe", "--bind-to", "none", "-n", "3",
                            "catamaran", "train", "-x"));
  }
}

}  // namespace
}  // namespace catamaran
