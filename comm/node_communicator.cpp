#include "comm/node_communicator.h"

#include <sched.h>

#include <utility>

#include "comm/node_memory.h"
#include "support/assert.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr int kSpins = 200;  // polls before the processor is offered to others

class NodeMemory : public ExchangeMemory {
 public:
  NodeMemory(std::shared_ptr<const NodeRegion> region, int rank)
      : ExchangeMemory(region->parts[static_cast<size_t>(rank)], region->bytes),
        region_(std::move(region)) {}

 private:
  std::shared_ptr<const NodeRegion> region_;
};

}  // namespace

NodeCommunicator::NodeCommunicator(MPI_Comm parent, const std::string& host_name,
                                   double timeout_seconds)
    : mpi_(parent, host_name, timeout_seconds),
      host_name_(host_name),
      timeout_seconds_(timeout_seconds),
      // Rank 0's part is the control memory of all.
      control_(map_node_memory(mpi_, host_name, NodeExchange::control_bytes(mpi_.world()))),
      staging_(map_node_memory(mpi_, host_name, NodeExchange::kStagingBytes)),
      exchange_(here(), mpi_.rank(), mpi_.world(), control_.parts[0], staging_.parts) {}

void NodeCommunicator::wait_all(void*) {
  const Stopwatch waiting;
  for (int64_t polls = 0; !exchange_.idle(); ++polls) {
    if (exchange_.progress()) {
      polls = 0;
      continue;
    }
    if (polls < kSpins) continue;
    ::sched_yield();
    if (waiting.seconds() <= timeout_seconds_) continue;
    throw CommError("no answer from at least one other rank within " +
                        std::to_string(static_cast<int64_t>(timeout_seconds_)) + " s",
                    here() + ", " + exchange_.oldest(),
                    "look for a rank that hangs or is slow; raise comm.timeout_seconds if it only "
                    "needs longer");
  }
}

void NodeCommunicator::broadcast(void* data, int64_t bytes, int root, void* stream) {
  CATAMARAN_ASSERT(idle(), "no all-reduce is under way while a broadcast starts");
  mpi_.broadcast(data, bytes, root, stream);
}

std::unique_ptr<ExchangeMemory> NodeCommunicator::allocate(int64_t bytes) {
  return std::make_unique<NodeMemory>(
      exchange_.add_region(map_node_memory(mpi_, host_name_, bytes)), rank());
}

}  // namespace catamaran
