// GPUs that are not there: the calls of the CUDA runtime (fake_cuda.cpp) and of NCCL
// (fake_nccl.cpp) that comm/ makes, on host memory, linked in place of the real libraries, with
// faults on demand.
//
//   fake_gpu::launch(stream, [&] { gradient[0] = 1; });      // a "kernel"
//   fake_gpu::faults().hung_collective = 3;                  // the fourth never completes
//   fake_gpu::fail_call("cudaEventRecord", cudaErrorLaunchFailure);
//   fake_gpu::reset();                                       // no faults, no counts
//
// Work is queued by stream and runs as late as it may: when the host asks for an event, what stands
// before it in its stream runs, and in other streams only what an event is waited for. So a wait
// that was forgotten shows as wrong data, each time. The default stream waits for no other one.
// Collectives exchange files between the processes of one machine, in the folder that the unique id
// names, and add in the order of the ranks; ranks that start different ones get ncclInvalidUsage.
// A communicator must be non-blocking, and answers "in progress" a few times after each call.
// Thread-safe, but faults are set while no other thread calls.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace catamaran::fake_gpu {

struct Faults {
  bool init_hangs = false;         // this rank never joins, and is in progress for ever
  int init_error = 0;              // ncclResult_t with which joining ends
  int64_t hung_collective = -1;    // number of the first, from 0, in which this rank never joins
  int64_t broken_collective = -1;  // as before, and broken_by is its asynchronous error
  int broken_by = 0;               // ncclResult_t
  bool abort_blocks = false;       // until reset
};
Faults& faults();
// The function answers so until reset, after it has worked `calls_before` times.
void fail_call(const std::string& function, int code, int64_t calls_before = 0);
void reset();

// PCI bus ids of the GPUs that this process sees; four at first.
void set_gpus(std::vector<std::string> pci_bus_ids);
void launch(void* stream, std::function<void()> kernel);
void synchronise(void* stream);

// What this process's NCCL was asked to do, in that order.
struct Collective {
  std::string function;
  int64_t count = 0;
  int type = 0;        // ncclDataType_t
  int op_or_root = 0;  // ncclRedOp_t of a reduction
  int stream_priority = 0;
  bool stream_waits_for_default = true;
};
std::vector<Collective> collectives();
int64_t calls(const std::string& function);
void forget_registration(void* data);  // as the end of the process does
int64_t open_handles();                // streams, events, communicators, memory, registrations

}  // namespace catamaran::fake_gpu
