#include "comm/nccl_memory.h"

#ifdef CATAMARAN_WITH_NCCL

#include <utility>

#include "comm/nccl_faults.h"
#include "support/error.h"
#include "support/host_name.h"

namespace catamaran {
namespace {

void copy(void* into, const void* from, int64_t bytes, cudaMemcpyKind kind) {
  const cudaError_t code = cudaMemcpy(into, from, static_cast<size_t>(bytes), kind);
  if (code == cudaSuccess) return;
  throw classified<CommError>(cudaGetErrorString(code), "cudaMemcpy", kAdviceForGpu, fault_of(code),
                              {host_name()});
}

}  // namespace

NcclMemory::~NcclMemory() {
  if (state_->device->failed) return;  // the process ends soon
  deregister();
  if (of_nccl_) {
    ncclMemFree(data());
  } else {
    cudaFree(data());
  }
}

void NcclMemory::deregister() {
  void* const registration = std::exchange(registration_, nullptr);
  if (registration != nullptr && !state_->closed) ncclCommDeregister(comm_, registration);
}

void NcclMemory::write(int64_t offset, const void* from, int64_t bytes) {
  copy(static_cast<char*>(data()) + offset, from, bytes, cudaMemcpyHostToDevice);
}

void NcclMemory::read(int64_t offset, void* into, int64_t bytes) const {
  copy(into, static_cast<const char*>(data()) + offset, bytes, cudaMemcpyDeviceToHost);
}

}  // namespace catamaran

#endif
