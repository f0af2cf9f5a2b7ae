// What fake_cuda.cpp and fake_nccl.cpp share. Everything but enter() wants the lock of gpu_mutex().
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

// One of a stream: false as long as it is not done.
using FakeOperation = std::function<bool()>;

struct CUstream_st {
  int device = 0;
  int priority = 0;
  bool waits_for_default = true;
  std::deque<FakeOperation> queue = {};
};

namespace catamaran::fake_gpu {

std::recursive_mutex& gpu_mutex();
// Counts a call; the code that a test wants of it, or 0.
int enter(const std::string& function);
// nullptr: the default stream of this thread's device; empty if there is no such stream.
std::shared_ptr<CUstream_st> stream_of(cudaStream_t handle);
int device_of_this_thread();
std::string pci_bus_id(int device);

// The code, after noting the words for ncclGetLastError.
ncclResult_t fail(ncclResult_t code, const std::string& words);
bool is_communicator(ncclComm_t comm);

int64_t open_communicators();
int64_t open_nccl_memory();  // and registrations
void reset_nccl();

}  // namespace catamaran::fake_gpu
