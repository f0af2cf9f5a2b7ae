// What another process of this host is doing, by its number.
//
//   if (process_state(pid) == ProcessState::kGone) ...
//
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

}  // namespace catamaran
