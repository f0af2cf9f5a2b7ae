// Which GPU this rank uses, if any: the one of its local rank among the node's visible ones.
//
//   const DeviceBinding binding = bind(visible_devices(), local_rank, local_world);
//
// bind is a pure function: one visible device and several local ranks means that the launcher hid
// the others, which is allowed (index 0) when `one_device_per_rank` says so. Thread-safe.
#pragma once

#include <optional>
#include <string>

namespace catamaran {

struct VisibleDevices {
  int count = 0;
  std::string reason;          // why there is none, in CUDA's words
  bool driver_failed = false;  // an error other than "there is no GPU" or "there is no driver"
};
VisibleDevices visible_devices();

struct DeviceBinding {
  std::optional<int> gpu;
  std::string reason;  // why there is none
};
DeviceBinding bind(const VisibleDevices& visible, int local_rank, int local_world);

// Compute threads of a rank: the cores it may run on, shared with the local ranks that may run on
// the same ones. `cores`: of this process's affinity mask; `sharers`: local ranks with the same
// mask, itself included.
int threads_for(int64_t asked, int cores, int sharers);

}  // namespace catamaran
