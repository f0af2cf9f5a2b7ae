#include "comm/device_binding.h"

#include <algorithm>
#ifdef CATAMARAN_WITH_NCCL
#include <cuda_runtime_api.h>
#endif

namespace catamaran {

VisibleDevices visible_devices() {
  VisibleDevices visible;
#ifdef CATAMARAN_WITH_NCCL
  const cudaError_t code = cudaGetDeviceCount(&visible.count);
  if (code != cudaSuccess) {
    int driver = 0;  // stays 0 on a machine without any
    cudaDriverGetVersion(&driver);
    visible.driver_failed = driver > 0 && code != cudaErrorNoDevice;
    visible.count = 0;
    visible.reason = std::string("CUDA says '") + cudaGetErrorString(code) + "'";
  }
#else
  visible.reason = "this program was built without CUDA";
#endif
  return visible;
}

DeviceBinding bind(const VisibleDevices& visible, int local_rank, int local_world) {
  if (visible.count == 0)
    return {std::nullopt, visible.reason.empty() ? "no GPU is visible" : visible.reason};
  if (visible.count == 1 && local_world > 1)
    return {0, ""};  // the launcher shows each rank its own
  if (local_rank >= visible.count) {
    return {std::nullopt, "local rank " + std::to_string(local_rank) + " finds only " +
                              std::to_string(visible.count) + " GPUs for " +
                              std::to_string(local_world) + " ranks on this node"};
  }
  return {local_rank, ""};
}

int threads_for(int64_t asked, int cores, int sharers) {
  if (asked > 0) return static_cast<int>(asked);
  return std::max(1, cores / std::max(1, sharers));
}

}  // namespace catamaran
