#include "launch/program_output.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;  // of each stream
constexpr int kLookMilliseconds = 20;           // between looks at whether the program is gone
constexpr timespec kLook{.tv_sec = 0, .tv_nsec = kLookMilliseconds * 1'000'000L};

[[noreturn]] void refuse(const std::string& program, int number) {
  throw UsageError(with_errno("no process can be made for it", number), program,
                   "see `ulimit -u` and `ulimit -n`, or end some of what runs here");
}

// What is not there, or is no program, has not been found; all else is this machine's trouble.
bool is_no_program(int number) {
  return number == ENOENT || number == EACCES || number == ENOTDIR || number == ENOEXEC ||
         number == ELOOP || number == ENAMETOOLONG;
}

struct Pipe {
  FileDescriptor reading, writing;

  explicit Pipe(const std::string& program) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) refuse(program, errno);
    reading = FileDescriptor(ends[0]);
    writing = FileDescriptor(ends[1]);
  }
};

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// A process group of its own, so that its children can be ended with it; no signal blocked, and
// none ignored that this program ignores.
class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    ::posix_spawnattr_setsigdefault(&attributes_, &usual);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// 0: started; else errno.
int start(const std::vector<std::string>& words, int out, int err, pid_t& process) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  FileActions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(actions.get(), out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(actions.get(), err, STDERR_FILENO);
  Attributes attributes;
  return ::posix_spawnp(&process, arguments[0], actions.get(), attributes.get(), arguments.data(),
                        environ);
}

// Takes what is there; the descriptor is closed at its end. What is too much is read, so that the
// program does not wait for a reader, and dropped.
void take(FileDescriptor& from, std::string& into) {
  std::array<char, 16384> buffer;
  const ssize_t bytes = ::read(from.get(), buffer.data(), buffer.size());
  if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (bytes <= 0) {
    from.reset();
    return;
  }
  into.append(buffer.data(), std::min(static_cast<size_t>(bytes), kMostBytes - into.size()));
}

class Child {
 public:
  explicit Child(pid_t process) : process_(process) {}

  // True once it has ended. Where the process has no children to wait for (SIGCHLD is ignored) its
  // code stays unknown.
  bool has_ended() {
    if (ended_) return true;
    int status = 0;
    const pid_t waited = ::waitpid(process_, &status, WNOHANG);
    if (waited == process_) code_ = code_of(status);
    ended_ = waited == process_ || (waited < 0 && errno == ECHILD);
    return ended_;
  }
  void kill() {
    ::kill(-process_, SIGKILL);
    int status = 0;
    while (!ended_) {
      const pid_t waited = ::waitpid(process_, &status, 0);
      if (waited == process_) code_ = code_of(status);
      ended_ = waited == process_ || errno != EINTR;
    }
  }
  int code() const { return code_; }

 private:
  static int code_of(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  pid_t process_;
  bool ended_ = false;
  int code_ = -1;
};

}  // namespace

ProgramOutput run_program(const std::vector<std::string>& words, double seconds) {
  ProgramOutput said;
  if (words.empty() || words.front().empty()) return said;
  Pipe out(words.front());
  Pipe err(words.front());
  pid_t process = -1;
  const int problem = start(words, out.writing.get(), err.writing.get(), process);
  if (problem != 0 && !is_no_program(problem)) refuse(words.front(), problem);
  if (problem != 0) return said;
  said.found = true;
  out.writing.reset();
  err.writing.reset();
  Child child(process);
  const Stopwatch running;
  // A child of the program may keep its streams open: the program's own end counts.
  bool ended = false;
  while (!ended || out.reading || err.reading) {
    if (running.seconds() > seconds) {
      said.timed_out = !child.has_ended();
      child.kill();
      break;
    }
    const bool last_look = ended;
    std::array<pollfd, 2> streams = {
        {{out.reading.get(), POLLIN, 0}, {err.reading.get(), POLLIN, 0}}};
    const int ready = out.reading || err.reading ? ::poll(streams.data(), streams.size(),
                                                          last_look ? 0 : kLookMilliseconds)
                                                 : ::nanosleep(&kLook, nullptr);
    if (ready > 0 && streams[0].revents != 0) take(out.reading, said.out);
    if (ready > 0 && streams[1].revents != 0) take(err.reading, said.err);
    if (last_look && ready <= 0) break;
    ended = child.has_ended();
  }
  said.code = child.code();
  return said;
}

}  // namespace catamaran
