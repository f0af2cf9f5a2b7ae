#include "comm/nccl_communicator.h"

#include "support/error.h"

#ifdef CATAMARAN_WITH_NCCL

#include <cuda_runtime_api.h>
#include <nccl.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <exception>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "comm/nccl_faults.h"
#include "comm/nccl_memory.h"
#include "comm/operation_ring.h"
#include "support/clock.h"
#include "support/handle.h"
#include "support/log.h"

namespace catamaran {
namespace {

constexpr std::chrono::seconds kLongestAbort{3};
constexpr const char* kInit = "ncclCommInitRankConfig";

// NCCL's abort may block (NVIDIA/nccl#863), so a thread does it, which is left behind if it must
// be: what follows an error is the end of the process.
void abort_in_bounded_time(ncclComm_t comm) noexcept {
  try {
    std::promise<void> done;
    const std::future<void> ended = done.get_future();
    std::thread([comm, done = std::move(done)]() mutable {
      ncclCommAbort(comm);
      done.set_value();
    }).detach();
    if (ended.wait_for(kLongestAbort) != std::future_status::ready)
      log::warn("ncclCommAbort does not return; going on without it");
  } catch (const std::exception&) {  // there is no thread to be had: the process ends without
  }
}

struct NcclTraits {
  using type = ncclComm_t;
  static constexpr type empty() { return nullptr; }
  static void close(type comm) noexcept { abort_in_bounded_time(comm); }
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
    case DataType::kBFloat16:
      return ncclBfloat16;
    case DataType::kFloat16:
      return ncclFloat16;
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
                   double timeout_seconds, std::shared_ptr<DeviceState> device)
      : host_(host),
        rank_(host.rank()),
        world_(host.world()),
        host_name_(std::move(host_name)),
        timeout_seconds_(timeout_seconds),
        state_(std::make_shared<NcclState>(NcclState{.device = std::move(device)})) {
    check(cudaSetDevice(device_index), "cudaSetDevice");
    stream_ = make_stream();
    produced_ = make_event();
    for (Handle<EventTraits>& event : finished_) event = make_event();
    join(id_of_rank_0(host));
  }
  ~NcclCommunicator() override { state_->closed = true; }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  std::string_view backend() const override { return "nccl"; }
  CollectiveState collectives() const override { return ring_.state(); }
  int rank() const override { return rank_; }
  int world() const override { return world_; }

  void start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                        void* stream) override {
    const int64_t sequence = ring_.start("all-reduce", count * bytes_of(type));
    started_.push_back({count * bytes_of(type), steady_seconds()});
    after_work_of(stream);
    begun(sequence, ncclAllReduce(data, data, static_cast<size_t>(count), nccl_type(type),
                                  nccl_op(op), comm_.get(), stream_.get()));
  }

  bool progress() override {
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(comm_.get(), &state), "ncclCommGetAsyncError");
    if (state != ncclInProgress) check(state, oldest());
    while (ring_.finished() < ring_.started() && has_finished(ring_.finished())) {
      const Started& first = started_.front();
      if (first.bytes >= 0)
        finished_operations_.add({first.bytes, first.start_seconds, steady_seconds()});
      started_.pop_front();
      ring_.finish();
    }
    return !idle();
  }
  bool idle() const override { return ring_.finished() == ring_.started(); }
  std::vector<FinishedOperation> take_finished() override { return finished_operations_.take(); }

  void wait_all(void* stream) override {
    if (idle()) return;
    check(cudaStreamWaitEvent(static_cast<cudaStream_t>(stream), event_of(ring_.started() - 1), 0),
          "cudaStreamWaitEvent");
    // The host needs the sums of this step soon after: a peer that is silent is noticed here, not
    // in a later copy.
    const Stopwatch waiting;
    for (;;) {
      progress();
      if (idle()) return;
      if (waiting.seconds() > timeout_seconds_) {
        throw_timeout(
            oldest(),
            "look for a rank that hangs or is slow; raise comm.timeout_seconds if it only needs "
            "longer");
      }
      ::sched_yield();
    }
  }

  void broadcast(void* data, int64_t bytes, int root, void* stream) override {
    const int64_t sequence = ring_.start("broadcast", bytes);
    started_.push_back({kBroadcast, 0});
    after_work_of(stream);
    begun(sequence, ncclBroadcast(data, data, static_cast<size_t>(bytes), ncclUint8, root,
                                  comm_.get(), stream_.get()));
    wait_all(stream);
  }

  // A buffer that is registered on some ranks and not on others is undefined behaviour to NCCL, so
  // all of them agree.
  std::unique_ptr<ExchangeMemory> allocate(int64_t bytes) override {
    const auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
    void* data = nullptr;
    const ncclResult_t allocated = ncclMemAlloc(&data, size);
    if (allocated != ncclSuccess) {
      warn_of_slower_memory("ncclMemAlloc", bytes, allocated);
      check(cudaMalloc(&data, size), "cudaMalloc of " + std::to_string(bytes) + " bytes");
    }
    auto memory = std::make_unique<NcclMemory>(data, bytes, allocated == ncclSuccess, state_);
    if (!on_every_rank(allocated == ncclSuccess)) return memory;
    void* registration = nullptr;
    const ncclResult_t registered = ncclCommRegister(comm_.get(), data, size, &registration);
    if (registered == ncclSuccess) {
      memory->registered(comm_.get(), registration);
    } else {
      warn_of_slower_memory("ncclCommRegister", bytes, registered);
    }
    if (!on_every_rank(registered == ncclSuccess)) memory->deregister();
    return memory;
  }

 private:
  static constexpr int64_t kBroadcast = -1;  // in place of an all-reduce's bytes
  struct Started {
    int64_t bytes;
    double start_seconds;
  };

  bool on_every_rank(bool here) const {
    int64_t least = here ? 1 : 0;
    host_.all_reduce(&least, 1, DataType::kInt64, ReduceOp::kMin);
    return least == 1;
  }
  void warn_of_slower_memory(const char* function, int64_t bytes, ncclResult_t code) const {
    log::warn(here(std::string(function) + " of " + std::to_string(bytes) + " bytes") + ": " +
              words_of(code) +
              "; going on with memory that is not registered with NCCL, which costs speed alone");
  }
  std::string here(const std::string& operation) const {
    return "rank " + std::to_string(rank_) + " on " + host_name_ + ", " + operation;
  }
  void check(cudaError_t code, const std::string& operation) const {
    if (code == cudaSuccess) return;
    fail(cudaGetErrorString(code), operation, kAdviceForGpu, fault_of(code));
  }
  void check(ncclResult_t code, const std::string& operation) const {
    if (code == ncclSuccess) return;
    fail(words_of(code), operation, advice_for(code), fault_of(code));
  }
  [[noreturn]] void throw_timeout(const std::string& operation, const std::string& advice) const {
    fail("no answer from at least one other rank within " +
             std::to_string(static_cast<int64_t>(timeout_seconds_)) + " s",
         operation, advice, FaultClass::kRetryable);
  }
  [[noreturn]] void fail(const std::string& what, const std::string& operation,
                         const std::string& advice, FaultClass fault) const {
    state_->device->failed = true;
    throw classified<CommError>(what, here(operation), advice, fault, {host_name_});
  }

  // The highest priority: a sum that is ready goes before the backward pass that runs beside it.
  Handle<StreamTraits> make_stream() const {
    int lowest = 0;
    int highest = 0;
    check(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "cudaDeviceGetStreamPriorityRange");
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, highest),
          "cudaStreamCreateWithPriority");
    return Handle<StreamTraits>(stream);
  }
  Handle<EventTraits> make_event() const {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    return Handle<EventTraits>(event);
  }
  // On every rank; where rank 0 has none, its error on every rank.
  ncclUniqueId id_of_rank_0(Communicator& host) const {
    struct {
      ncclUniqueId id{};
      ncclResult_t code = ncclSuccess;
    } made;
    if (rank_ == 0) made.code = ncclGetUniqueId(&made.id);
    host.broadcast(&made, sizeof made, 0, nullptr);
    check(made.code, "ncclGetUniqueId of rank 0");
    return made.id;
  }
  void join(const ncclUniqueId& id) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    ncclComm_t comm = nullptr;
    const ncclResult_t code = ncclCommInitRankConfig(&comm, world_, id, rank_, &config);
    comm_ = Handle<NcclTraits>(comm);
    if (code != ncclInProgress) check(code, kInit);
    poll_until_ready(kInit,
                     "look for a rank that did not start; check that the ranks reach one another: "
                     "NCCL_SOCKET_IFNAME names the interface, NCCL_DEBUG=INFO tells which it took");
  }

  void after_work_of(void* stream) {
    check(cudaEventRecord(produced_.get(), static_cast<cudaStream_t>(stream)), "cudaEventRecord");
    check(cudaStreamWaitEvent(stream_.get(), produced_.get(), 0), "cudaStreamWaitEvent");
  }
  void begun(int64_t sequence, ncclResult_t code) {
    const std::string operation = ring_.describe(sequence);
    if (code != ncclInProgress) check(code, operation);
    poll_until_ready(operation, "look for a rank that hangs or is slow");
    check(cudaEventRecord(event_of(sequence), stream_.get()), "cudaEventRecord");
  }
  // A non-blocking communicator may answer "in progress"; nothing else may be asked of it until it
  // is ready.
  void poll_until_ready(const std::string& operation, const std::string& advice) const {
    const Stopwatch waiting;
    for (;;) {
      ncclResult_t state = ncclSuccess;
      check(ncclCommGetAsyncError(comm_.get(), &state), operation);
      if (state != ncclInProgress) return check(state, operation);
      if (waiting.seconds() > timeout_seconds_) throw_timeout(operation, advice);
      ::sched_yield();
    }
  }

  cudaEvent_t event_of(int64_t sequence) const {
    return finished_[static_cast<size_t>(sequence % OperationRing::kEntries)].get();
  }
  // Operations of one stream finish in their order, so an event that a later one has taken over
  // answers for both.
  bool has_finished(int64_t sequence) const {
    const cudaError_t state = cudaEventQuery(event_of(sequence));
    if (state == cudaErrorNotReady) {
      (void)cudaGetLastError();  // or LibTorch's next look would take it for an error of a kernel
      return false;
    }
    check(state, "cudaEventQuery, " + oldest());
    return true;
  }
  std::string oldest() const {
    if (idle()) return "between two collectives";
    return ring_.describe(ring_.oldest_unfinished());
  }

  Communicator& host_;
  int rank_;
  int world_;
  std::string host_name_;
  double timeout_seconds_;
  std::shared_ptr<NcclState> state_;
  Handle<StreamTraits> stream_;
  Handle<EventTraits> produced_;  // the caller's work that a collective reads
  std::array<Handle<EventTraits>, OperationRing::kEntries> finished_;  // by sequence number
  Handle<NcclTraits> comm_;
  OperationRing ring_;
  std::deque<Started> started_;  // those of ring_ that are unfinished
  FinishedOperations finished_operations_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, int device_index,
                                                     const std::string& host_name,
                                                     double timeout_seconds,
                                                     std::shared_ptr<DeviceState> device) {
  return std::make_unique<NcclCommunicator>(host, device_index, host_name, timeout_seconds,
                                            std::move(device));
}

}  // namespace catamaran

#else

namespace catamaran {

std::unique_ptr<Communicator> make_nccl_communicator(Communicator&, int, const std::string&, double,
                                                     std::shared_ptr<DeviceState>) {
  throw UsageError("this program was built without NCCL", "comm.backend",
                   "use comm.backend = mpi, or build with -DCATAMARAN_WITH_NCCL=ON");
}

}  // namespace catamaran

#endif
