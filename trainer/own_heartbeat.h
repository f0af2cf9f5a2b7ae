// What this rank says of itself in its heartbeats: where the step loop is and for how long, how
// many collectives it has started, and what memory it holds.
//
//   Heartbeats heartbeats(group, OwnHeartbeat(group, trace, first_step));
//
// The group must outlive it. Calls no MPI. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "comm/heartbeat.h"
#include "comm/process_group.h"
#include "monitoring/trace.h"

namespace catamaran {

class OwnHeartbeat {
 public:
  // first_step: done before this start.
  OwnHeartbeat(ProcessGroup& group, std::shared_ptr<const TraceRecorder> trace, int64_t first_step);

  Heartbeat operator()();

 private:
  const Communicator* gradients_;
  const Communicator* sums_;
  std::shared_ptr<const TraceRecorder> trace_;
  int64_t first_step_;
  int64_t limit_bytes_;
  int64_t moves_ = 0;  // of the step loop, and when it was last seen to move on
  double moved_at_;
};

}  // namespace catamaran
