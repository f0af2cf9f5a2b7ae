// Communicator: in-place collectives over the ranks of a run, on host or device memory.
// Implementations: SelfCommunicator (a world of one), MpiCommunicator (host memory),
// NodeCommunicator (host memory, all ranks on one node), NcclCommunicator (device memory), and
// BackgroundCommunicator, which gives one of host memory a thread that moves it on.
//
//   const auto arena = communicator.allocate(bytes);   // optional: where all-reduces are cheapest
//   communicator.start_all_reduce(data, count, DataType::kFloat32, ReduceOp::kSum, stream);
//   ... more work; call communicator.progress() now and then ...
//   communicator.wait_all(stream);                  // every started all-reduce is complete
//
// All ranks must start the same operations in the same order. Every rank ends with bit-identical
// results. Sums of 16-bit floats are rounded once for each rank that is added, or once in all,
// whichever the implementation does. Counts are elements. `stream` is the CUDA stream
// (cudaStream_t) whose queued work produces or consumes the data, or nullptr for host memory; after
// wait_all(stream), work queued on that stream sees the results. Errors: CommError with rank, host,
// operation, bytes and sequence number; a peer that does not answer within the time-out is such an
// error. Only the thread that runs the step loop, except start_all_reduce and progress, which
// autograd's threads may call as long as no two threads do so at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "comm/collective_state.h"
#include "comm/exchange_memory.h"
#include "comm/finished_operations.h"

namespace catamaran {

enum class DataType { kFloat32, kFloat64, kInt64, kUint64, kUint8, kBFloat16, kFloat16 };
enum class ReduceOp { kSum, kMin, kMax };

int64_t bytes_of(DataType type);

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual std::string_view backend() const = 0;  // "self", "mpi", "node", "nccl"
  virtual int rank() const = 0;
  virtual int world() const = 0;

  // Starts an in-place all-reduce. The buffer stays the caller's and must not be touched before
  // wait_all returns.
  virtual void start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                                void* stream) = 0;
  // Lets started operations go on without blocking (MPI moves data only inside calls). False where
  // this rank had nothing to do, and can only wait for others.
  virtual bool progress() = 0;
  virtual void wait_all(void* stream) = 0;
  // True when no operation that was started is unfinished, as far as this rank has seen.
  virtual bool idle() const { return true; }
  // Blocking on the host for host memory, ordered on the stream for device memory.
  virtual void broadcast(void* data, int64_t bytes, int root, void* stream) = 0;

  // Memory for operands, comm/exchange_memory.h. Called by all ranks, in the same order, with the
  // same size. An all-reduce of any other memory is as right, and may be slower.
  virtual std::unique_ptr<ExchangeMemory> allocate(int64_t bytes) {
    return make_host_memory(bytes);
  }
  // All-reduces that have finished since the last call, oldest first. Long ones may come in parts.
  virtual std::vector<FinishedOperation> take_finished() { return {}; }
  // Thread-safe: for the thread that writes down why a job stands still.
  virtual CollectiveState collectives() const { return {}; }

  void all_reduce(void* data, int64_t count, DataType type, ReduceOp op, void* stream = nullptr) {
    start_all_reduce(data, count, type, op, stream);
    wait_all(stream);
  }
};

}  // namespace catamaran
