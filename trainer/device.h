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

// A stream of the GPU beside the one that the network works on; none on the CPU. To be taken once
// and kept: the allocator keeps what was freed for each stream by itself.
class SideStream {
 public:
  explicit SideStream(const torch::Device& device);
  bool exists() const { return stream_ != nullptr; }

  // While it lives, what its thread gives to the GPU is queued there.
  class Use {
   public:
    explicit Use(const SideStream& side);
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();

   private:
    struct Guard;
    std::unique_ptr<Guard> guard_;
  };

 private:
  struct Stream;
  std::shared_ptr<Stream> stream_;  // copies name the same one
};
// To be called for tensors that were made on another stream: their memory goes to nobody else
// before what this thread's stream does with them is done.
void lend_to_current_stream(const std::vector<torch::Tensor>& tensors);

// Waits until the device has done all that was queued; nothing on the CPU.
void synchronize(const torch::Device& device);
// Pinned memory when the device is a GPU, plain memory otherwise.
HostAllocator host_allocator_for(const torch::Device& device);

}  // namespace catamaran
