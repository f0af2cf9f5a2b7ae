// NodeCommunicator: all-reduces among ranks of one node, through memory that all of them see.
//
//   NodeCommunicator communicator(MPI_COMM_WORLD, host_name, timeout_seconds);   // by all ranks
//   const auto arena = communicator.allocate(bytes);
//   communicator.start_all_reduce(arena->data(), n, DataType::kFloat32, ReduceOp::kSum, nullptr);
//
// Ranges of allocate()d memory are summed where they lie (comm/node_exchange.h); they must have the
// same place in it on all ranks. Other memory passes through a staging area. progress() does about
// one block of 64 KiB. Sums have the order of the ranks: the same bits on every rank, every run,
// and however the data is cut into operations. Broadcasts are MPI's. Errors, threads:
// comm/communicator.h; NodeMemoryUnavailable at the start, on all ranks alike, where processes
// cannot see each other's memory (comm/node_memory.h).
#pragma once

#include <mpi.h>

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "comm/mpi_communicator.h"
#include "comm/node_exchange.h"

namespace catamaran {

class NodeCommunicator : public Communicator {
 public:
  // All ranks of `parent` are on this node.
  NodeCommunicator(MPI_Comm parent, const std::string& host_name, double timeout_seconds);

  std::string_view backend() const override { return "node"; }
  CollectiveState collectives() const override { return exchange_.collectives(); }
  int rank() const override { return mpi_.rank(); }
  int world() const override { return mpi_.world(); }
  void start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op, void*) override {
    exchange_.start(data, count, type, op);
  }
  bool progress() override { return exchange_.progress(); }
  void wait_all(void* stream) override;
  bool idle() const override { return exchange_.idle(); }
  void broadcast(void* data, int64_t bytes, int root, void* stream) override;
  std::unique_ptr<ExchangeMemory> allocate(int64_t bytes) override;
  std::vector<FinishedOperation> take_finished() override { return exchange_.take_finished(); }

 private:
  std::string here() const { return "rank " + std::to_string(rank()) + " on " + host_name_; }

  MpiCommunicator mpi_;  // for the start, and for broadcasts
  std::string host_name_;
  double timeout_seconds_;
  NodeRegion control_;
  NodeRegion staging_;
  NodeExchange exchange_;
};

}  // namespace catamaran
