#include "trainer/device.h"

#ifdef CATAMARAN_WITH_NCCL
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include <memory>

namespace catamaran {

torch::Device bind_device(const ProcessGroup& group) {
  torch::set_num_threads(group.threads());
  if (group.device_kind() == DeviceKind::kCpu) return torch::Device(torch::kCPU);
  const torch::Device device(torch::kCUDA, static_cast<c10::DeviceIndex>(group.device_index()));
#ifdef CATAMARAN_WITH_NCCL
  c10::cuda::set_device(device.index());
  at::globalContext().setDeterministicCuDNN(true);
#endif
  return device;
}

#ifdef CATAMARAN_WITH_NCCL
void* current_stream(const torch::Device& device) {
  return device.is_cuda() ? c10::cuda::getCurrentCUDAStream(device.index()).stream() : nullptr;
}

struct SideStream::Stream {
  c10::cuda::CUDAStream stream;
};
struct SideStream::Use::Guard {
  explicit Guard(const c10::cuda::CUDAStream& used) : stream(used) {}
  c10::cuda::CUDAStreamGuard stream;  // makes the device the thread's own, too
};

SideStream::SideStream(const torch::Device& device) {
  if (device.is_cuda())
    stream_ = std::make_shared<Stream>(
        Stream{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())});
}
SideStream::Use::Use(const SideStream& side) {
  if (side.stream_) guard_ = std::make_unique<Guard>(side.stream_->stream);
}

void lend_to_current_stream(const std::vector<torch::Tensor>& tensors) {
  for (const torch::Tensor& tensor : tensors) {
    if (!tensor.is_cuda()) continue;
    tensor.record_stream(c10::cuda::getCurrentCUDAStream(tensor.device().index()).unwrap());
  }
}
#else
void* current_stream(const torch::Device&) { return nullptr; }
struct SideStream::Stream {};
struct SideStream::Use::Guard {};
SideStream::SideStream(const torch::Device&) {}
SideStream::Use::Use(const SideStream&) {}
void lend_to_current_stream(const std::vector<torch::Tensor>&) {}
#endif
SideStream::Use::~Use() = default;

void synchronize(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

HostAllocator host_allocator_for(const torch::Device& device) {
  if (!device.is_cuda()) return plain_host_allocator();
  return [](int64_t bytes) {
    auto pinned = std::make_shared<torch::Tensor>(
        torch::empty({bytes}, torch::TensorOptions().dtype(torch::kUInt8).pinned_memory(true)));
    return HostBuffer(pinned,
                      pinned->data_ptr<uint8_t>());  // the tensor lives as long as the buffer
  };
}

}  // namespace catamaran
