// Which ranks of this machine are ready for a signal. A process that has not installed its handler
// yet dies of the signal that asks it for a checkpoint, and mpirun hands on only to ranks that it
// has started.
//
//   if (ranks_catching(mpirun, SIGUSR1) == ranks) ::kill(mpirun, SIGUSR1);
//
// Reads /proc. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace catamaran {

// Descendants of `ancestor` that run this program's own file and have a handler for `signal`.
int64_t ranks_catching(pid_t ancestor, int signal);

}  // namespace catamaran
