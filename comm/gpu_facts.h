// The GPUs that this process sees and the driver they have, as CUDA tells.
//
//   const std::optional<GpuFacts> facts = call_within<GpuFacts>(20, gpu_facts);
//
// No context is made on any of them, so it costs neither memory nor time of the GPU; a driver that
// is sick may not answer at all (support/bounded_call.h). In a build without CUDA nothing is seen,
// with the reason. Thread-safe. Versions are CUDA's: 13020 for 13.2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/device_binding.h"

namespace catamaran {

struct Gpu {
  std::string pci_bus_id;
  std::string name;          // "NVIDIA H100 80GB HBM3"
  int64_t memory_bytes = 0;  // of all of it
  bool has_ecc = false;      // switched on
};

struct GpuFacts {
  VisibleDevices visible;       // comm/device_binding.h
  std::vector<Gpu> gpus;        // in the same order
  int64_t driver_version = 0;   // the newest CUDA that the driver knows; 0: there is no driver
  int64_t runtime_version = 0;  // the CUDA that this program uses; 0: built without
};
GpuFacts gpu_facts();

std::string cuda_version_text(int64_t version);  // "13.2"

}  // namespace catamaran
