// MpiCommunicator: collectives on host memory over a duplicate of a communicator.
//
//   MpiCommunicator communicator(MPI_COMM_WORLD, host_name, timeout_seconds);
//
// An all-reduce is MPI_Iallreduce, moved forward by progress() and wait_all(), which polls with a
// deadline, so that a silent peer ends in a CommError and not in a hang. Results are bit-identical
// on every rank: the library reduces each element once and shares the result. Errors, threads:
// comm/communicator.h.
#pragma once

#include <mpi.h>

#include <deque>
#include <string>

#include "comm/communicator.h"
#include "comm/operation_ring.h"
#include "support/handle.h"

namespace catamaran {

struct MpiCommTraits {
  using type = MPI_Comm;
  static type empty() { return MPI_COMM_NULL; }
  static void close(type comm) noexcept {
    int finalised = 0;
    MPI_Finalized(&finalised);
    if (finalised == 0) MPI_Comm_free(&comm);
  }
};
using MpiComm = Handle<MpiCommTraits>;

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(MPI_Comm parent, std::string host_name, double timeout_seconds);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  std::string_view backend() const override { return "mpi"; }
  CollectiveState collectives() const override { return ring_.state(); }
  int rank() const override { return rank_; }
  int world() const override { return world_; }
  void start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                        void* stream) override;
  bool progress() override;
  void wait_all(void* stream) override;
  bool idle() const override { return started_.empty(); }
  void broadcast(void* data, int64_t bytes, int root, void* stream) override;
  std::vector<FinishedOperation> take_finished() override { return finished_.take(); }

 private:
  struct Started {
    MPI_Request request;
    int64_t sequence;
    int64_t bytes;  // of an all-reduce
    double start_seconds;
  };
  [[noreturn]] void throw_timeout(int64_t sequence) const;

  MpiComm comm_;
  std::string host_name_;
  double timeout_seconds_;
  int rank_ = 0;
  int world_ = 1;
  std::deque<Started> started_;  // in order; the front is waited for first
  OperationRing ring_;
  FinishedOperations finished_;
};

}  // namespace catamaran
