// NcclMemory: device memory of ncclMemAlloc, which may be registered with a communicator, or of
// cudaMalloc. Part of comm/nccl_communicator.cpp; empty in a build without NCCL.
//
//   auto memory = std::make_unique<NcclMemory>(data, bytes, of_nccl, state);   // owns data
//   memory->registered(comm, registration);                                    // and that
//
// After an error of any communicator on the device nothing is freed: it would wait for the device.
// Errors: CommError from copies. One thread at a time.
#pragma once

#ifdef CATAMARAN_WITH_NCCL

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <memory>
#include <utility>

#include "comm/device_state.h"
#include "comm/exchange_memory.h"

namespace catamaran {

constexpr const char* kAdviceForGpu = "look at the GPU's state with nvidia-smi and dmesg";

// What memory must know of its communicator at its end.
struct NcclState {
  std::shared_ptr<DeviceState> device;
  bool closed = false;
};

class NcclMemory : public ExchangeMemory {
 public:
  NcclMemory(void* data, int64_t bytes, bool of_nccl, std::shared_ptr<const NcclState> state)
      : ExchangeMemory(data, bytes), of_nccl_(of_nccl), state_(std::move(state)) {}
  ~NcclMemory() override;
  void registered(ncclComm_t comm, void* registration) {
    comm_ = comm;
    registration_ = registration;
  }
  void deregister();
  void write(int64_t offset, const void* from, int64_t bytes) override;
  void read(int64_t offset, void* into, int64_t bytes) const override;

 private:
  bool of_nccl_;
  std::shared_ptr<const NcclState> state_;
  ncclComm_t comm_ = nullptr;
  void* registration_ = nullptr;
};

}  // namespace catamaran

#endif
