// What another process of this host is doing, by its number.
//
//   if (its_namespace == process_namespace() && process_state(pid) == ProcessState::kGone) ...
//
// A number names a process among those that share a PID namespace; containers of one host, and of
// one host name, may each have their own.
// Thread-safe.
#pragma once

#include <cstdint>

namespace catamaran {

enum class ProcessState {
  kAlive,
  kStopped,  // by a signal
  kStorage,  // waits in the kernel, as for storage that does not answer
  kGone,
};

ProcessState process_state(int64_t process);
// Of this process, unlike any other on this host; 0 where the kernel does not tell.
uint64_t process_namespace();

}  // namespace catamaran
