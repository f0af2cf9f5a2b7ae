// Runs a command as a child process and stays its parent until it has ended; signals to this
// process become what the command understands. mpirun answers INT and TERM by ending its ranks
// within two seconds and hands on nothing but USR1, so a wish to stop must reach it as USR1.
//
//   const int code = run_supervised({"mpirun", "-n", "2", ...}, OnStop::kCheckpoint, ready);
//
// A wish to stop waits until `ready` says that the child can hear it, 30 seconds at most: a signal
// sent before kills.
// The child has a process group of its own (Ctrl-C of a terminal reaches this process alone), reads
// nothing, and gets TERM when this process dies whatever the cause. Returns the child's exit code,
// 128 + signal where a signal ended it, and 130 after a second INT. Errors: UsageError when the
// command cannot be started. Only the main thread, while it is the only one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace catamaran {

enum class OnStop {
  kCheckpoint,  // INT, TERM and USR1 become USR1; a second INT ends the child at once
  kEnd          // each of them ends the child at once: it has nothing to save
};

int run_supervised(const std::vector<std::string>& command, OnStop on_stop,
                   const std::function<bool(pid_t child)>& ready);

}  // namespace catamaran
