// NodeExchange: one rank's end of all-reduces among ranks that see each other's memory. No MPI, no
// system calls: memory comes from the caller, so that threads can stand for ranks in tests.
//
//   NodeExchange exchange("rank 1 on host", 1, 2, control, staging);   // the same control for all
//   exchange.add_region(region);               // by all ranks in the same order
//   exchange.start(data, count, type, op);     // returns at once
//   while (!exchange.idle()) exchange.progress();
//
// How: a rank announces an operation, with its number and its place in memory, once its own part
// may be read. When all ranks have, the range is done in blocks, each by whichever rank claims it
// first (so a rank that computes is not waited for): the block of every rank is read, combined in
// the order of the ranks, and written to every rank (comm/rank_sums.h). Nothing is copied, each
// element is read and written once per rank, and every rank ends with the same bits, whoever did
// the block, however ranges are cut. When the last block is done, the operation is finished.
// Operands outside the regions pass through a staging area, in pieces. Counters are atomics in
// the control memory: announcing is a release, reading another rank's is an acquire, and so are the
// blocks that are done; memory of an operation is touched between the two alone.
//
// Control memory and staging areas outlive it, and start as zeros. One thread at a time for each
// rank's end. Errors: CommError when the ranks have started different operations.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/operation_ring.h"

namespace catamaran {

// Memory of one size for each rank, each seen by all.
struct NodeRegion {
  std::vector<char*> parts;  // by rank, where this process sees it
  int64_t bytes = 0;         // of each part
  std::shared_ptr<const void> owner = {};
  int64_t id = 0;  // set by add_region
};

class NodeExchange {
 public:
  static int64_t control_bytes(int world);
  static constexpr int64_t kStagingBytes = int64_t{1} << 20;  // of each rank

  // staging: by rank, kStagingBytes each.
  NodeExchange(std::string here, int rank, int world, void* control, std::vector<char*> staging);

  // Known until the caller lets go of it and its operations have ended.
  std::shared_ptr<const NodeRegion> add_region(NodeRegion region);
  void start(void* data, int64_t count, DataType type, ReduceOp op);
  // Does a bounded piece of work, about a block; false where there was none to do.
  bool progress();
  bool idle() const { return operations_.empty(); }
  // What is waited for, for a message; while not idle.
  std::string oldest() const { return ring_.describe(ring_.oldest_unfinished()); }
  std::vector<FinishedOperation> take_finished() { return finished_operations_.take(); }
  CollectiveState collectives() const { return ring_.state(); }

 private:
  struct Request;
  struct Line;
  struct Work;
  struct Operation {
    std::shared_ptr<const NodeRegion> region;
    int64_t offset = 0;
    int64_t count = 0;
    DataType type = DataType::kUint8;
    ReduceOp op = ReduceOp::kSum;
    char* staged = nullptr;  // where it came from and goes to, of a piece in the staging area
    uint64_t staging_number = 0;
    bool last_piece = true;
    int64_t whole_bytes = 0;
    double start_seconds = 0;
  };

  Operation& operation(uint64_t number) { return operations_[number - finished_]; }
  Work& work(uint64_t number) const;
  std::shared_ptr<const NodeRegion> region_of(const char* data, int64_t bytes);
  void start_staged(const Operation& whole, char* data);
  bool publish();
  bool may_publish(const Operation& next);
  bool work_on_one_block();
  bool all_ready(uint64_t number);
  void require_same_on_all_ranks(uint64_t number);
  bool finish();

  std::string here_;
  int rank_;
  int world_;
  Work* work_;
  Line* lines_;  // by rank
  std::shared_ptr<const NodeRegion> staging_;
  std::vector<std::weak_ptr<const NodeRegion>> regions_;
  int64_t next_region_ = 1;
  // Operations are numbered from 0; those from finished_ on are here.
  std::deque<Operation> operations_;
  uint64_t published_ = 0;  // first that the other ranks have not been told of
  uint64_t worked_ = 0;     // first of which this rank has not seen all blocks claimed
  uint64_t finished_ = 0;   // first that is not complete
  uint64_t staged_ = 0;     // pieces that were given a number
  uint64_t staged_finished_ = 0;
  uint64_t finished_everywhere_ = 0;  // a lower bound
  int ready_ranks_ = 0;               // of operation worked_: so many, from 0, are ready
  bool compared_ = false;             // operation worked_ is the same on all
  std::vector<char*> block_;          // scratch: where a block lies, by rank
  OperationRing ring_;
  FinishedOperations finished_operations_;
};

}  // namespace catamaran
