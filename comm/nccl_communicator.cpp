#include "comm/nccl_communicator.h"

#include "support/error.h"

#ifdef CATAMARAN_WITH_NCCL

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <sched.h>

#include <utility>

#include "comm/operation_ring.h"
#include "support/clock.h"
#include "support/handle.h"

namespace catamaran {
namespace {

struct NcclTraits {
  using type = ncclComm_t;
  static constexpr type empty() { return nullptr; }
  static void close(type comm) noexcept {
    ncclCommAbort(comm);
  }  // destroy would wait for peers that may be gone
};
struct StreamTraits {
  using type = cudaStream_t;
  static constexpr type empty() { return nullptr; }
  static void close(type stream) noexcept { cudaStreamDestroy(stream); }
};
struct EventTraits {
  using type = cudaEvent_t;
  static constexpr type empty() { return nullptr; }
  static void close(type event) noexcept { cudaEventDestroy(event); }
};

ncclDataType_t nccl_type(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return ncclFloat32;
    case DataType::kFloat64:
      return ncclFloat64;
    case DataType::kInt64:
      return ncclInt64;
    case DataType::kUint64:
      return ncclUint64;
    case DataType::kUint8:
      return ncclUint8;
  }
  return ncclUint8;
}

ncclRedOp_t nccl_op(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return ncclSum;
    case ReduceOp::kMin:
      return ncclMin;
    case ReduceOp::kMax:
      return ncclMax;
  }
  return ncclSum;
}

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(Communicator& host, int device_index, std::string host_name,
                   double timeout_seconds)
      : rank_(host.rank()),
        world_(host.world()),
        host_name_(std::move(host_name)),
        timeout_seconds_(timeout_seconds) {
    check(cudaSetDevice(device_index), "cudaSetDevice");
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    stream_ = Handle<StreamTraits>(stream);
    produced_ = make_event();
    consumed_ = make_event();
    ncclUniqueId id{};
    if (rank_ == 0) check(ncclGetUniqueId(&id), "ncclGetUniqueId");
    host.broadcast(&id, sizeof id, 0, nullptr);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    ncclComm_t comm = nullptr;
    const ncclResult_t begun = ncclCommInitRankConfig(&comm, world_, id, rank_, &config);
    comm_ = Handle<NcclTraits>(comm);
    if (begun != ncclInProgress) check(begun, "ncclCommInitRankConfig");
    poll_until_ready("ncclCommInitRankConfig");
  }

  std::string_view backend() const override { return "nccl"; }
  int rank() const override { return rank_; }
  int world() const override { return world_; }

  void start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                        void* stream) override {
    const int64_t sequence = ring_.start("all-reduce", count * bytes_of(type));
    after_work_of(stream);
    const ncclResult_t begun =
        ncclAllReduce(data, data, static_cast<size_t>(count), nccl_type(type), nccl_op(op),
                      comm_.get(), stream_.get());
    if (begun != ncclInProgress) check(begun, ring_.describe(sequence));
    poll_until_ready(ring_.describe(sequence));
  }

  void progress() override {
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(comm_.get(), &state), "ncclCommGetAsyncError");
    if (state != ncclInProgress) check(state, "an earlier collective");
  }

  void wait_all(void* stream) override {
    check(cudaEventRecord(consumed_.get(), stream_.get()), "cudaEventRecord");
    check(cudaStreamWaitEvent(static_cast<cudaStream_t>(stream), consumed_.get(), 0),
          "cudaStreamWaitEvent");
    watch();
  }

  void broadcast(void* data, int64_t bytes, int root, void* stream) override {
    const int64_t sequence = ring_.start("broadcast", bytes);
    after_work_of(stream);
    const ncclResult_t begun = ncclBroadcast(data, data, static_cast<size_t>(bytes), ncclUint8,
                                             root, comm_.get(), stream_.get());
    if (begun != ncclInProgress) check(begun, ring_.describe(sequence));
    poll_until_ready(ring_.describe(sequence));
    wait_all(stream);
  }

 private:
  static Handle<EventTraits> make_event() {
    cudaEvent_t event = nullptr;
    if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess) {
      throw CommError("CUDA cannot create an event", "cudaEventCreate",
                      "look at the GPU's state with nvidia-smi");
    }
    return Handle<EventTraits>(event);
  }
  std::string here(const std::string& operation) const {
    return "rank " + std::to_string(rank_) + " on " + host_name_ + ", " + operation;
  }
  void check(cudaError_t code, const std::string& operation) const {
    if (code != cudaSuccess) {
      throw CommError(cudaGetErrorString(code), here(operation),
                      "look at the GPU's state with nvidia-smi and dmesg");
    }
  }
  void check(ncclResult_t code, const std::string& operation) const {
    if (code != ncclSuccess) {
      throw CommError(
          ncclGetErrorString(code), here(operation),
          "set NCCL_DEBUG=WARN for NCCL's own words; resume from the newest checkpoint");
    }
  }
  void after_work_of(void* stream) {
    check(cudaEventRecord(produced_.get(), static_cast<cudaStream_t>(stream)), "cudaEventRecord");
    check(cudaStreamWaitEvent(stream_.get(), produced_.get(), 0), "cudaStreamWaitEvent");
  }
  // A non-blocking communicator answers "in progress" until every rank has joined.
  void poll_until_ready(const std::string& operation) {
    const Stopwatch waiting;
    for (;;) {
      ncclResult_t state = ncclSuccess;
      check(ncclCommGetAsyncError(comm_.get(), &state), operation);
      if (state != ncclInProgress) return check(state, operation);
      if (waiting.seconds() > timeout_seconds_) throw_timeout(operation);
      ::sched_yield();
    }
  }
  // The host needs the sums of this step soon after: a peer that is silent is noticed here, not in
  // a later copy.
  void watch() {
    const Stopwatch waiting;
    for (;;) {
      progress();
      const cudaError_t state = cudaEventQuery(consumed_.get());
      if (state == cudaSuccess) return ring_.finish_all();
      if (state != cudaErrorNotReady) check(state, "cudaEventQuery");
      if (waiting.seconds() > timeout_seconds_) throw_timeout(ring_.describe(ring_.started() - 1));
      ::sched_yield();
    }
  }
  [[noreturn]] void throw_timeout(const std::string& operation) const {
    throw CommError("no answer from at least one other rank within " +
                        std::to_string(static_cast<int64_t>(timeout_seconds_)) + " s",
                    here(operation),
                    "look for a rank that hangs or is slow; raise comm.timeout_seconds if it only "
                    "needs longer");
  }

  int rank_;
  int world_;
  std::string host_name_;
  double timeout_seconds_;
  Handle<StreamTraits> stream_;
  Handle<EventTraits> produced_;  // the caller's work that a collective reads
  Handle<EventTraits> consumed_;  // the collectives that the caller's work waits for
  Handle<NcclTraits> comm_;
  OperationRing ring_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, int device_index,
                                                     const std::string& host_name,
                                                     double timeout_seconds) {
  return std::make_unique<NcclCommunicator>(host, device_index, host_name, timeout_seconds);
}

}  // namespace catamaran

#else

namespace catamaran {

std::unique_ptr<Communicator> make_nccl_communicator(Communicator&, int, const std::string&,
                                                     double) {
  throw UsageError("this program was built without NCCL", "comm.backend",
                   "use comm.backend = mpi, or build with -DCATAMARAN_WITH_NCCL=ON");
}

}  // namespace catamaran

#endif
