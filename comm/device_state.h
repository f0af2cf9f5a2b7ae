// What all communicators of a process on one GPU share: whether one of them failed. A collective
// that never ends may then hold the device, so nothing may wait for it any more, nor free memory.
// Thread-safe.
#pragma once

#include <atomic>

namespace catamaran {

struct DeviceState {
  std::atomic<bool> failed = false;
};

}  // namespace catamaran
