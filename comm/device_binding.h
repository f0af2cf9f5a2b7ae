// Which GPU each rank uses, decided for all ranks together from what each of them sees.
//
//   const VisibleDevices mine = visible_devices();              // PCI bus ids, in CUDA's order
//   ... every rank's, with its host, on every rank ...
//   const std::vector<int> gpu = assign_gpus(ranks);            // by rank; -1: none is left for it
//
// A rank takes the first GPU it sees that no rank before it on its host has taken. So ranks that
// see all GPUs of a node take one each, in their order, and a launcher that shows each rank its own
// (CUDA_VISIBLE_DEVICES) is obeyed. Two ranks never share one: NCCL refuses that, and two processes
// on one GPU gain nothing. What follows from a rank without one is comm/backend_choice.h's matter.
// assign_gpus is a pure function, so all ranks decide alike. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct VisibleDevices {
  std::vector<std::string> pci_bus_ids;
  std::string reason;          // why there is none, in CUDA's words
  bool driver_failed = false;  // an error other than "there is no GPU" or "there is no driver"
};
VisibleDevices visible_devices();

struct RankDevices {
  std::string host;
  VisibleDevices visible;
};
// Index among those the rank sees, by rank.
std::vector<int> assign_gpus(const std::vector<RankDevices>& ranks);
// Why a rank for which none was left has none.
std::string why_without_gpu(const VisibleDevices& visible);

// Compute threads of a rank: the cores it may run on, shared with the local ranks that may run on
// the same ones. `cores`: of this process's affinity mask; `sharers`: local ranks with the same
// mask, itself included.
int threads_for(int64_t asked, int cores, int sharers);

}  // namespace catamaran
