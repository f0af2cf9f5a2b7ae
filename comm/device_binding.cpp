#include "comm/device_binding.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#ifdef CATAMARAN_WITH_NCCL
#include <cuda_runtime_api.h>
#endif

namespace catamaran {
namespace {

// The first that is not taken yet, which it then is; -1 when all are.
int take_first_free(const std::vector<std::string>& pci_bus_ids, std::set<std::string>& taken) {
  for (size_t i = 0; i < pci_bus_ids.size(); ++i) {
    if (taken.insert(pci_bus_ids[i]).second) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

VisibleDevices visible_devices() {
  VisibleDevices visible;
#ifdef CATAMARAN_WITH_NCCL
  int count = 0;
  cudaError_t code = cudaGetDeviceCount(&count);
  for (int i = 0; i < count && code == cudaSuccess; ++i) {
    std::array<char, 32> id{};
    code = cudaDeviceGetPCIBusId(id.data(), static_cast<int>(id.size()), i);
    visible.pci_bus_ids.emplace_back(id.data());
  }
  if (code != cudaSuccess) {
    int driver = 0;  // stays 0 on a machine without any
    cudaDriverGetVersion(&driver);
    visible.driver_failed = driver > 0 && code != cudaErrorNoDevice;
    visible.pci_bus_ids.clear();
    visible.reason = std::string("CUDA says '") + cudaGetErrorString(code) + "'";
  }
#else
  visible.reason = "this program was built without CUDA";
#endif
  return visible;
}

std::vector<int> assign_gpus(const std::vector<RankDevices>& ranks) {
  std::map<std::string, std::set<std::string>> taken;  // by host
  std::vector<int> gpu;
  gpu.reserve(ranks.size());
  for (const auto& [host, visible] : ranks)
    gpu.push_back(take_first_free(visible.pci_bus_ids, taken[host]));
  return gpu;
}

std::string why_without_gpu(const VisibleDevices& visible) {
  if (visible.pci_bus_ids.empty())
    return visible.reason.empty() ? "no GPU is visible" : visible.reason;
  return "the " + std::to_string(visible.pci_bus_ids.size()) +
         " GPU(s) it sees are taken by other ranks";
}

int threads_for(int64_t asked, int cores, int sharers) {
  if (asked > 0) return static_cast<int>(asked);
  return std::max(1, cores / std::max(1, sharers));
}

}  // namespace catamaran
