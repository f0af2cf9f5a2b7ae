// NvmlDevice: a GPU as NVIDIA's management library tells of it, where the machine has that library.
// It is loaded at run time, so the program starts without it.
//
//   if (const auto gpu = NvmlDevice::open("0000:65:00.0")) gpu->read().power_watts;
//
// pci_bus_id: as CUDA gives it, since NVML counts GPUs another way than CUDA does. Without the
// library, its first functions, the driver or the GPU there is no NvmlDevice, and nothing is said
// of it: nothing depends on it. A function that the library lacks or that fails leaves its number
// NaN. Calls may block for as long as the driver does. Thread-safe.
// Source: NVML API reference, https://docs.nvidia.com/deploy/nvml-api.
#pragma once

#include <memory>
#include <string>

#include "monitoring/rank_figures.h"

namespace catamaran {

class NvmlDevice {
 public:
  static constexpr const char* kLibrary = "libnvidia-ml.so.1";

  static std::unique_ptr<NvmlDevice> open(const std::string& pci_bus_id,
                                          const std::string& library = kLibrary);
  ~NvmlDevice();
  NvmlDevice(const NvmlDevice&) = delete;
  NvmlDevice& operator=(const NvmlDevice&) = delete;

  std::string uuid() const;  // "GPU-..."; empty: not known
  GpuFigures read() const;

 private:
  struct Calls;
  explicit NvmlDevice(std::unique_ptr<Calls> calls);
  std::unique_ptr<Calls> calls_;
};

}  // namespace catamaran
