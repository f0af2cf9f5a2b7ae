// The compute device of this rank as torch sees it, and the CUDA stream its work is queued on (none
// on the CPU).
//
//   const torch::Device device = bind_device(group);     // also sets torch's thread count and
//   current GPU void* stream = current_stream(device);               // what Communicator calls
//   want
//
// Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include "comm/process_group.h"
#include "dataio/batch.h"

namespace catamaran {

torch::Device bind_device(const ProcessGroup& group);
void* current_stream(const torch::Device& device);
// Waits until the device has done all that was queued; nothing on the CPU.
void synchronize(const torch::Device& device);
// Pinned memory when the device is a GPU, plain memory otherwise.
HostAllocator host_allocator_for(const torch::Device& device);

}  // namespace catamaran
