#include "launch/child_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

constexpr std::array<int, 3> kStopSignals = {SIGINT, SIGTERM, SIGUSR1};
constexpr int kCannotStart = 127;

struct Becoming {
  char* const* arguments = nullptr;
  pid_t parent = 0;
  const sigset_t* mask = nullptr;
  int output = -1;
  const cpu_set_t* cores = nullptr;
};

// The child's side of the fork: async-signal-safe calls alone. Returns only where exec failed.
void become(const Becoming& child) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != child.parent) ::_exit(kCannotStart);  // it died before it could be noticed
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  if (child.output >= 0) {
    ::dup2(child.output, STDOUT_FILENO);
    ::dup2(child.output, STDERR_FILENO);
  }
  if (child.cores != nullptr) ::sched_setaffinity(0, sizeof *child.cores, child.cores);
  for (const int number : kStopSignals) ::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, child.mask, nullptr);
  ::execvp(child.arguments[0], child.arguments);
}

FileDescriptor open_output(const std::filesystem::path& path) {
  if (path.empty()) return FileDescriptor();
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kNewFile));
  if (!file) {
    throw UsageError(with_errno("cannot open the file for output", errno), path.string(),
                     "check the folder's rights and the disk's space");
  }
  return file;
}

std::optional<cpu_set_t> mask_of(const std::vector<int>& cores) {
  if (cores.empty()) return std::nullopt;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int core : cores) CPU_SET(static_cast<size_t>(core), &mask);
  return mask;
}

}  // namespace

HeldSignals::HeldSignals() {
  std::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody hears of a child's end
  sigemptyset(&held_);
  for (const int number : kStopSignals) sigaddset(&held_, number);
  sigaddset(&held_, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &held_, &before_);
}

HeldSignals::~HeldSignals() {
  const timespec now{};
  while (::sigtimedwait(&held_, nullptr, &now) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int HeldSignals::next() const {
  int number = 0;
  while ((number = ::sigwaitinfo(&held_, nullptr)) < 0) {
  }
  return number;
}

int HeldSignals::next_within(const timespec& time) const {
  return std::max(0, ::sigtimedwait(&held_, nullptr, &time));
}

pid_t start_child(const ChildCommand& wanted, const HeldSignals& signals) {
  std::vector<char*> arguments;
  arguments.reserve(wanted.command.size() + 1);
  for (const std::string& part : wanted.command)
    arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  const FileDescriptor output = open_output(wanted.output);
  const std::optional<cpu_set_t> cores = mask_of(wanted.cores);
  std::array<int, 2> pipe{};  // closed by a successful exec, else it brings errno
  int problem = ::pipe2(pipe.data(), O_CLOEXEC) == 0 ? 0 : errno;
  FileDescriptor from_child(problem == 0 ? pipe[0] : -1);
  FileDescriptor to_parent(problem == 0 ? pipe[1] : -1);
  const Becoming becoming{.arguments = arguments.data(),
                          .parent = ::getpid(),
                          .mask = &signals.before(),
                          .output = output ? output.get() : -1,
                          .cores = cores ? &*cores : nullptr};
  const pid_t child = problem == 0 ? ::fork() : -1;
  if (child == 0) {
    become(becoming);
    const int number = errno;
    (void)!::write(to_parent.get(), &number, sizeof number);
    ::_exit(kCannotStart);
  }
  if (child < 0 && problem == 0) problem = errno;
  to_parent.reset();
  if (child > 0 && ::read(from_child.get(), &problem, sizeof problem) == sizeof problem)
    ::waitpid(child, nullptr, 0);
  if (problem != 0) {
    throw UsageError(with_errno(wanted.command.front() + " cannot be started", problem),
                     wanted.option, wanted.hint);
  }
  return child;
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<int> own_cores() {
  cpu_set_t mask;
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<size_t>(core), &mask)) cores.push_back(core);
  }
  return cores;
}

}  // namespace catamaran
