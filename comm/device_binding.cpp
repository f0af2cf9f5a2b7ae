#include "comm/device_binding.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#ifdef CATAMARAN_WITH_NCCL
#include <cuda_runtime_api.h>
#endif

#include "support/error.h"

namespace catamaran {
namespace {

// The first that is not taken yet, which it then is; -1 when all are.
int take_first_free(const std::vector<std::string>& pci_bus_ids, std::set<std::string>& taken) {
  for (size_t i = 0; i < pci_bus_ids.size(); ++i) {
    if (taken.insert(pci_bus_ids[i]).second) return static_cast<int>(i);
  }
  return -1;
}

std::string why_without(const VisibleDevices& visible) {
  if (visible.pci_bus_ids.empty())
    return visible.reason.empty() ? "no GPU is visible" : visible.reason;
  return "the " + std::to_string(visible.pci_bus_ids.size()) +
         " GPU(s) it sees are taken by other ranks";
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
  if (code != cudaSuccess) return {{}, std::string("CUDA says '") + cudaGetErrorString(code) + "'"};
#else
  visible.reason = "this program was built without CUDA";
#endif
  return visible;
}

DeviceBinding bind_ranks(const std::string& backend, const std::vector<RankDevices>& ranks) {
  DeviceBinding binding;
  if (backend == "mpi") {
    binding.without_gpu = "comm.backend = mpi computes on the CPU";
    return binding;
  }
  std::map<std::string, std::set<std::string>> taken;  // by host
  for (size_t r = 0; r < ranks.size(); ++r) {
    const auto& [host, visible] = ranks[r];
    binding.gpus_unused = binding.gpus_unused || !visible.pci_bus_ids.empty();
    binding.gpu.push_back(take_first_free(visible.pci_bus_ids, taken[host]));
    if (binding.gpu.back() < 0 && binding.without_gpu.empty()) {
      binding.without_gpu =
          "rank " + std::to_string(r) + " on " + host + " has none: " + why_without(visible);
    }
  }
  if (binding.without_gpu.empty()) return {binding.gpu, "", false};
  if (backend == "nccl") {
    throw UsageError("nccl needs a GPU of its own for every rank, and " + binding.without_gpu,
                     "comm.backend",
                     "start one rank per GPU, or use comm.backend = \"mpi\" (CPU) or \"auto\"");
  }
  binding.gpu.clear();
  return binding;
}

int threads_for(int64_t asked, int cores, int sharers) {
  if (asked > 0) return static_cast<int>(asked);
  return std::max(1, cores / std::max(1, sharers));
}

}  // namespace catamaran
