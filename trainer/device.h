// The compute device of this rank as torch sees it, and the CUDA streams its work is queued on
// (none on the CPU).
//
//   const torch::Device device = bind_device(group);  // torch's thread count and GPU, too
//   void* stream = current_stream(device);            // what calls of Communicator want
//
// Only the thread that runs the step loop, except for SideStream.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "comm/process_group.h"
#include "dataio/batch.h"

namespace catamaran {

torch::Device bind_device(const ProcessGroup& group);
void* current_stream(const torch::Device& device);

// While it lives, what its thread gives to the GPU is queued on a stream of its own. One a thread.
class SideStream {
 public:
  explicit SideStream(const torch::Device& device);
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;
  ~SideStream();

 private:
  struct Guard;
  std::unique_ptr<Guard> guard_;
};
// To be called for tensors that were made on another stream: their memory goes to nobody else
// before what this thread's stream does with them is done.
void lend_to_current_stream(const std::vector<torch::Tensor>& tensors);

// Waits until the device has done all that was queued; nothing on the CPU.
void synchronize(const torch::Device& device);
// Pinned memory when the device is a GPU, plain memory otherwise.
HostAllocator host_allocator_for(const torch::Device& device);

}  // namespace catamaran
