// Streams, events and devices of tests/fakes/fake_gpu.h.
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "fake_gpu.h"
#include "fake_gpu_parts.h"

// One recording of an event; waits and queries are for the newest at the time of the call.
struct Recording {
  std::shared_ptr<CUstream_st> stream;
  bool reached = false;
};

struct CUevent_st {
  int device = 0;
  std::shared_ptr<Recording> newest = {};
};

namespace catamaran::fake_gpu {
namespace {

struct Failure {
  int code = 0;
  int64_t calls_before = 0;
};

std::vector<std::string> four_gpus() {
  return {"0000:01:00.0", "0000:02:00.0", "0000:03:00.0", "0000:04:00.0"};
}

struct Gpu {
  std::vector<std::string> pci_bus_ids = four_gpus();
  std::map<cudaStream_t, std::shared_ptr<CUstream_st>> streams;
  std::map<int, std::shared_ptr<CUstream_st>> default_streams;  // by device
  std::map<cudaEvent_t, std::unique_ptr<CUevent_st>> events;
  std::map<void*, std::unique_ptr<std::byte[]>> memory;
  std::map<std::string, int64_t> calls;
  std::map<std::string, Failure> failures;
  Faults faults;
};

// Never destroyed: a thread that aborts may be left behind.
Gpu& gpu() {
  static Gpu& one = *new Gpu();
  return one;
}

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t answer(cudaError_t code) {
  if (code != cudaSuccess) last_error = code;
  return code;
}

// Runs the stream's work as far as that recording.
void drive(CUstream_st& stream, const Recording& until) {
  while (!until.reached && !stream.queue.empty()) {
    if (!stream.queue.front()()) return;
    stream.queue.pop_front();
  }
}

FakeOperation wait_for(const std::shared_ptr<Recording>& recording) {
  return [recording] {
    drive(*recording->stream, *recording);
    return recording->reached;
  };
}

std::shared_ptr<Recording> record(const std::shared_ptr<CUstream_st>& stream) {
  auto recording = std::make_shared<Recording>(Recording{stream});
  stream->queue.emplace_back([recording] { return recording->reached = true; });
  return recording;
}

CUevent_st* find_event(cudaEvent_t event) {
  const auto found = gpu().events.find(event);
  return found == gpu().events.end() ? nullptr : found->second.get();
}

}  // namespace

std::recursive_mutex& gpu_mutex() {
  static auto& mutex = *new std::recursive_mutex();
  return mutex;
}

int enter(const std::string& function) {
  const std::lock_guard lock(gpu_mutex());
  ++gpu().calls[function];
  const auto failure = gpu().failures.find(function);
  if (failure == gpu().failures.end() || failure->second.calls_before-- > 0) return 0;
  failure->second.calls_before = 0;
  return failure->second.code;
}

std::shared_ptr<CUstream_st> stream_of(cudaStream_t handle) {
  if (handle == nullptr) {
    auto& stream = gpu().default_streams[current_device];
    if (!stream) stream = std::make_shared<CUstream_st>(CUstream_st{.device = current_device});
    return stream;
  }
  const auto found = gpu().streams.find(handle);
  return found == gpu().streams.end() ? nullptr : found->second;
}

int device_of_this_thread() { return current_device; }
std::string pci_bus_id(int device) { return gpu().pci_bus_ids.at(static_cast<size_t>(device)); }

Faults& faults() { return gpu().faults; }

void fail_call(const std::string& function, int code, int64_t calls_before) {
  const std::lock_guard lock(gpu_mutex());
  gpu().failures[function] = {code, calls_before};
}

void reset() {
  const std::lock_guard lock(gpu_mutex());
  gpu().faults = {};
  gpu().failures.clear();
  gpu().calls.clear();
  gpu().default_streams.clear();
  gpu().pci_bus_ids = four_gpus();
  last_error = cudaSuccess;
  reset_nccl();
}

void set_gpus(std::vector<std::string> pci_bus_ids) {
  const std::lock_guard lock(gpu_mutex());
  gpu().pci_bus_ids = std::move(pci_bus_ids);
}

void launch(void* stream, std::function<void()> kernel) {
  const std::lock_guard lock(gpu_mutex());
  stream_of(static_cast<cudaStream_t>(stream))->queue.emplace_back([kernel = std::move(kernel)] {
    kernel();
    return true;
  });
}

void synchronise(void* stream) {
  const std::lock_guard lock(gpu_mutex());
  const auto recording = record(stream_of(static_cast<cudaStream_t>(stream)));
  while (!recording->reached) drive(*recording->stream, *recording);
}

int64_t calls(const std::string& function) {
  const std::lock_guard lock(gpu_mutex());
  return gpu().calls[function];
}

int64_t open_handles() {
  const std::lock_guard lock(gpu_mutex());
  return static_cast<int64_t>(gpu().streams.size() + gpu().events.size() + gpu().memory.size()) +
         open_communicators() + open_nccl_memory();
}

}  // namespace catamaran::fake_gpu

using namespace catamaran::fake_gpu;

// The failure that a test wants of this call, if any.
#define FAKE_CUDA_CALL(function)                \
  const std::lock_guard fake_lock(gpu_mutex()); \
  if (const int code = enter(function); code != 0) return answer(static_cast<cudaError_t>(code))

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  FAKE_CUDA_CALL("cudaGetDeviceCount");
  *count = static_cast<int>(gpu().pci_bus_ids.size());
  return answer(*count == 0 ? cudaErrorNoDevice : cudaSuccess);
}

cudaError_t cudaDriverGetVersion(int* version) {
  FAKE_CUDA_CALL("cudaDriverGetVersion");
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  FAKE_CUDA_CALL("cudaRuntimeGetVersion");
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  FAKE_CUDA_CALL("cudaGetDeviceProperties");
  if (device < 0 || static_cast<size_t>(device) >= gpu().pci_bus_ids.size())
    return answer(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "Fake GPU %d", device);
  properties->totalGlobalMem = size_t{80} << 30;
  properties->ECCEnabled = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  FAKE_CUDA_CALL("cudaDeviceGetPCIBusId");
  if (device < 0 || static_cast<size_t>(device) >= gpu().pci_bus_ids.size())
    return answer(cudaErrorInvalidDevice);
  std::snprintf(id, static_cast<size_t>(length), "%s", pci_bus_id(device).c_str());
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  FAKE_CUDA_CALL("cudaSetDevice");
  if (device < 0 || static_cast<size_t>(device) >= gpu().pci_bus_ids.size())
    return answer(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

const char* cudaGetErrorString(cudaError_t code) {
  switch (code) {
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorECCUncorrectable:
      return "uncorrectable ECC error encountered";
    case cudaErrorNvlinkUncorrectable:
      return "uncorrectable NVLink error detected during the execution";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    default:
      return "unknown error";
  }
}

cudaError_t cudaMalloc(void** data, size_t size) {
  FAKE_CUDA_CALL("cudaMalloc");
  auto made = std::make_unique<std::byte[]>(size);
  *data = made.get();
  gpu().memory[*data] = std::move(made);
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  FAKE_CUDA_CALL("cudaFree");
  return answer(gpu().memory.erase(data) == 1 ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaMemcpy(void* into, const void* from, size_t size, cudaMemcpyKind) {
  FAKE_CUDA_CALL("cudaMemcpy");
  synchronise(nullptr);  // as the default stream does; it waits for no other one
  std::memcpy(into, from, size);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* lowest, int* highest) {
  FAKE_CUDA_CALL("cudaDeviceGetStreamPriorityRange");
  *lowest = 0;
  *highest = -5;
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int priority) {
  FAKE_CUDA_CALL("cudaStreamCreateWithPriority");
  auto made = std::make_shared<CUstream_st>(
      CUstream_st{.device = current_device,
                  .priority = priority,
                  .waits_for_default = (flags & cudaStreamNonBlocking) == 0});
  *stream = made.get();
  gpu().streams[*stream] = std::move(made);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  FAKE_CUDA_CALL("cudaStreamDestroy");
  return answer(gpu().streams.erase(stream) == 1 ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  FAKE_CUDA_CALL("cudaStreamWaitEvent");
  const CUevent_st* const known = find_event(event);
  const auto waiting = stream_of(stream);
  if (known == nullptr || !waiting) return answer(cudaErrorInvalidResourceHandle);
  if (known->newest) waiting->queue.push_back(wait_for(known->newest));
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int) {
  FAKE_CUDA_CALL("cudaEventCreateWithFlags");
  auto made = std::make_unique<CUevent_st>(CUevent_st{.device = current_device});
  *event = made.get();
  gpu().events[*event] = std::move(made);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  FAKE_CUDA_CALL("cudaEventDestroy");
  return answer(gpu().events.erase(event) == 1 ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  FAKE_CUDA_CALL("cudaEventRecord");
  CUevent_st* const known = find_event(event);
  const auto recorded = stream_of(stream);
  if (known == nullptr || !recorded || known->device != recorded->device)
    return answer(cudaErrorInvalidResourceHandle);
  known->newest = record(recorded);
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  FAKE_CUDA_CALL("cudaEventQuery");
  const CUevent_st* const known = find_event(event);
  if (known == nullptr) return answer(cudaErrorInvalidResourceHandle);
  if (!known->newest) return cudaSuccess;
  const std::shared_ptr<Recording> newest = known->newest;
  drive(*newest->stream, *newest);
  return answer(newest->reached ? cudaSuccess : cudaErrorNotReady);
}
}
