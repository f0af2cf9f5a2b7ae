// NcclCommunicator: collectives on device memory with NCCL, on a stream of its own beside the
// compute stream.
//
//   const auto device = std::make_shared<DeviceState>();    // one for all communicators on a GPU
//   std::unique_ptr<Communicator> gradients =
//       make_nccl_communicator(host, device_index, host_name, timeout_seconds, device);
//
// The id travels over the host communicator, which must live as long; initialisation is
// non-blocking and ends in a CommError at the time-out. start_all_reduce waits (on the device) for
// the work that was queued on the caller's stream and then runs beside later work, on a stream of
// the highest priority; wait_all makes the caller's stream wait for all that was started, and
// blocks the host until the device has done it, looking for NCCL's asynchronous errors and the
// time-out and offering the core to others meanwhile. The communicator is aborted at its end, never
// destroyed: destroying waits for peers. allocate() gives device memory of ncclMemAlloc, registered
// with this communicator on all ranks or, with a warning, on none (it is slower then, nothing
// else); after an error of any of them it is not freed, since that would wait for the device.
// Finished operations are those that the host saw end. An abort that blocks is left behind after
// three seconds; the process should then end by _exit. Errors: UsageError in a build without NCCL;
// else comm/communicator.h, classified (comm/nccl_faults.h). What has run on a GPU, and what only
// over the fakes: docs/gpu.md.
#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/device_state.h"

namespace catamaran {

std::unique_ptr<Communicator> make_nccl_communicator(
    Communicator& host, int device_index, const std::string& host_name, double timeout_seconds,
    std::shared_ptr<DeviceState> device = std::make_shared<DeviceState>());

}  // namespace catamaran
