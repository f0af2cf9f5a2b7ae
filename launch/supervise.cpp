#include "launch/supervise.h"

#include <sys/wait.h>

#include <csignal>
#include <ctime>

#include "launch/child_process.h"
#include "support/log.h"

namespace catamaran {
namespace {

constexpr int kQuestions = 600;  // half a minute of them
constexpr timespec kAskAgain{.tv_sec = 0, .tv_nsec = 50'000'000};

}  // namespace

int run_supervised(const std::vector<std::string>& command, OnStop on_stop,
                   const std::function<bool(pid_t child)>& ready) {
  const HeldSignals signals;
  const pid_t child =
      start_child({.command = command,
                   .option = "--ranks",
                   .hint = "install openmpi-bin, or start the ranks with your cluster's launcher"},
                  signals);
  int interrupts = 0;
  int ended_by = 0;
  bool wished = false;  // and not told to the child yet
  int questions = 0;
  for (;;) {
    if (wished && (ready(child) || ++questions > kQuestions)) {
      ::kill(child, SIGUSR1);
      wished = false;
    }
    const int number = wished ? signals.next_within(kAskAgain) : signals.next();
    if (number == 0) continue;
    if (number == SIGCHLD) {
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == child)
        return ended_by != 0 ? 128 + ended_by : exit_code_of(status);
      continue;
    }
    if (number == SIGINT) ++interrupts;
    if (on_stop == OnStop::kEnd || (number == SIGINT && interrupts > 1)) {
      ended_by = number;
      log::warn("ending all ranks at once");
      ::kill(child, SIGINT);
    } else {
      log::info("asking the ranks to stop with a checkpoint; a second Ctrl-C ends them at once");
      wished = true;
    }
  }
}

}  // namespace catamaran
