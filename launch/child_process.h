// Child processes: how one begins, and the signals that tell of its end and of a wish to stop, held
// back until they are asked for.
//
//   const HeldSignals signals;                       // before the first child
//   const pid_t child = start_child({.command = {"mpirun", "-n", "2"}}, signals);
//   while (signals.next() != SIGCHLD) ...            // INT, TERM, USR1: a wish to stop
//
// A child has a process group of its own (Ctrl-C of a terminal reaches this process alone), reads
// nothing, has the signals as they were before, and gets TERM when this process dies whatever the
// cause. Errors: UsageError when the command cannot be started. Only the main thread, while it is
// the only one.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

// While it lives, INT, TERM, USR1 and CHLD wait until they are asked for. What is left of them when
// it goes is dropped: what came too late for a child must not end this process instead.
class HeldSignals {
 public:
  HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals();

  int next() const;
  // 0 where none came in time.
  int next_within(const timespec& time) const;
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_{};
  sigset_t before_{};
};

struct ChildCommand {
  std::vector<std::string> command;
  std::filesystem::path
      output{};              // what it prints is appended to it; empty: it prints where this does
  std::vector<int> cores{};  // that it may run on; empty: all of this process's
  // For the error where it cannot be started.
  std::string option = "command line";
  std::string hint{};
};
pid_t start_child(const ChildCommand& child, const HeldSignals& signals);

// Of waitpid's status: the exit code, or 128 + the signal that ended it.
int exit_code_of(int status);

// Cores that this process may run on, ascending; empty where the kernel does not tell.
std::vector<int> own_cores();

}  // namespace catamaran
