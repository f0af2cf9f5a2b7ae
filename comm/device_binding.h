// Which GPU each rank uses, decided for all ranks together from what each of them sees.
//
//   const VisibleDevices mine = visible_devices();              // PCI bus ids, in CUDA's order
//   ... every rank's, with its host, on every rank ...
//   const DeviceBinding binding = bind_ranks("auto", ranks);
//   binding.gpu[rank]                                           // index among those it sees
//
// A rank takes the first GPU it sees that no rank before it on its host has taken. So ranks that
// see all GPUs of a node take one each, in their order, and a launcher that shows each rank its own
// (CUDA_VISIBLE_DEVICES) is obeyed. Either every rank has a GPU of its own, or all compute on the
// CPU: NCCL refuses two ranks on one GPU, and two processes that share one gain nothing.
// bind_ranks is a pure function, so all ranks decide alike. Errors: UsageError when nccl is asked
// for and some rank would be without a GPU. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct VisibleDevices {
  std::vector<std::string> pci_bus_ids;
  std::string reason;  // why there is none, in CUDA's words
};
VisibleDevices visible_devices();

struct RankDevices {
  std::string host;
  VisibleDevices visible;
};

struct DeviceBinding {
  std::vector<int> gpu;      // by rank; empty: every rank computes on the CPU
  std::string without_gpu;   // then: which rank has none, and why
  bool gpus_unused = false;  // then: although some rank sees one
};
// backend: auto, mpi (the CPU, whatever is there), nccl.
DeviceBinding bind_ranks(const std::string& backend, const std::vector<RankDevices>& ranks);

// Compute threads of a rank: the cores it may run on, shared with the local ranks that may run on
// the same ones. `cores`: of this process's affinity mask; `sharers`: local ranks with the same
// mask, itself included.
int threads_for(int64_t asked, int cores, int sharers);

}  // namespace catamaran
