// Memory of one size for each rank of a node, that all of them see.
//
//   const NodeRegion region = map_node_memory(host, host_name, bytes);      // by all ranks
//   region.parts[r]                                          // rank r's memory, in this process
//
// Each rank's part is anonymous (memfd_create), zeroed, page-aligned, and of this rank's NUMA node:
// it has no name and no limit of /dev/shm, and is gone with the last process that maps it, however
// that ends. The ranks open each other's through /proc, so they must be processes of one user that
// see each other's numbers. region.owner unmaps all parts. The pages are there when it returns.
// Errors: NodeMemoryUnavailable, on all ranks alike, when a rank cannot; CommError when one does
// not answer. One thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "comm/communicator.h"
#include "comm/node_exchange.h"
#include "support/error.h"

namespace catamaran {

// All ranks know of it, so all of them may go on in another way.
class NodeMemoryUnavailable : public CommError {
 public:
  using CommError::CommError;
};

NodeRegion map_node_memory(Communicator& host, const std::string& host_name, int64_t bytes);

}  // namespace catamaran
