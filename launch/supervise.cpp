#include "launch/supervise.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/log.h"

namespace catamaran {
namespace {

constexpr std::array<int, 3> kStopSignals = {SIGINT, SIGTERM, SIGUSR1};
constexpr int kCannotStart = 127;
constexpr int kQuestions = 600;  // half a minute of them
constexpr timespec kAskAgain{.tv_sec = 0, .tv_nsec = 50'000'000};

// While it lives, the stop signals and SIGCHLD wait until they are asked for.
class HeldSignals {
 public:
  HeldSignals() {
    std::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody hears of a child's end
    sigemptyset(&held_);
    for (const int number : kStopSignals) sigaddset(&held_, number);
    sigaddset(&held_, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &held_, &before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() {
    // What came too late for the child must not end this process instead.
    const timespec now{};
    while (::sigtimedwait(&held_, nullptr, &now) > 0) {
    }
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

  int next() const {
    int number = 0;
    while ((number = ::sigwaitinfo(&held_, nullptr)) < 0) {
    }
    return number;
  }
  // 0 where none came in time.
  int next_within(const timespec& time) const {
    return std::max(0, ::sigtimedwait(&held_, nullptr, &time));
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_{};
  sigset_t before_{};
};

// The child's side of the fork: async-signal-safe calls alone. Returns only where exec failed.
void become(char* const* arguments, pid_t parent, const sigset_t& mask) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotStart);  // it died before it could be noticed
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  for (const int number : kStopSignals) ::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvp(arguments[0], arguments);
}

pid_t start(const std::vector<std::string>& command, const sigset_t& mask) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> pipe{};  // closed by a successful exec, else it brings errno
  int problem = ::pipe2(pipe.data(), O_CLOEXEC) == 0 ? 0 : errno;
  FileDescriptor from_child(problem == 0 ? pipe[0] : -1);
  FileDescriptor to_parent(problem == 0 ? pipe[1] : -1);
  const pid_t parent = ::getpid();
  const pid_t child = problem == 0 ? ::fork() : -1;
  if (child == 0) {
    become(arguments.data(), parent, mask);
    const int number = errno;
    (void)!::write(to_parent.get(), &number, sizeof number);
    ::_exit(kCannotStart);
  }
  if (child < 0 && problem == 0) problem = errno;
  to_parent.reset();
  if (child > 0 && ::read(from_child.get(), &problem, sizeof problem) == sizeof problem)
    ::waitpid(child, nullptr, 0);
  if (problem != 0) {
    throw UsageError(with_errno(command.front() + " cannot be started", problem), "--ranks",
                     "install openmpi-bin, or start the ranks with your cluster's launcher");
  }
  return child;
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

int run_supervised(const std::vector<std::string>& command, OnStop on_stop,
                   const std::function<bool(pid_t child)>& ready) {
  const HeldSignals signals;
  const pid_t child = start(command, signals.before());
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
