#include "comm/gpu_facts.h"

#ifdef CATAMARAN_WITH_NCCL
#include <cuda_runtime_api.h>
#endif

namespace catamaran {

GpuFacts gpu_facts() {
  GpuFacts facts;
  facts.visible = visible_devices();
#ifdef CATAMARAN_WITH_NCCL
  int driver = 0;
  int runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  facts.driver_version = driver;
  facts.runtime_version = runtime;
  for (size_t i = 0; i < facts.visible.pci_bus_ids.size(); ++i) {
    cudaDeviceProp properties{};
    const cudaError_t code = cudaGetDeviceProperties(&properties, static_cast<int>(i));
    if (code != cudaSuccess) {
      facts.visible.driver_failed = true;
      facts.visible.reason = "CUDA says '" + std::string(cudaGetErrorString(code)) + "' of GPU " +
                             facts.visible.pci_bus_ids[i];
      facts.gpus.clear();
      return facts;
    }
    facts.gpus.push_back({.pci_bus_id = facts.visible.pci_bus_ids[i],
                          .name = properties.name,
                          .memory_bytes = static_cast<int64_t>(properties.totalGlobalMem),
                          .has_ecc = properties.ECCEnabled != 0});
  }
#endif
  return facts;
}

std::string cuda_version_text(int64_t version) {
  return std::to_string(version / 1000) + "." + std::to_string(version / 10 % 100);
}

}  // namespace catamaran
