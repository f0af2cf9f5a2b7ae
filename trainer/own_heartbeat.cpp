#include "trainer/own_heartbeat.h"

#include <utility>

#include "support/clock.h"
#include "support/memory_state.h"

namespace catamaran {

OwnHeartbeat::OwnHeartbeat(ProcessGroup& group, std::shared_ptr<const TraceRecorder> trace,
                           int64_t first_step)
    : gradients_(&group.gradients()),
      sums_(&group.host()),
      trace_(std::move(trace)),
      first_step_(first_step),
      limit_bytes_(memory_limit_bytes()),
      moved_at_(steady_seconds()) {}

Heartbeat OwnHeartbeat::operator()() {
  const TracePlace place = trace_->place();
  const double now = steady_seconds();
  if (place.moves != std::exchange(moves_, place.moves)) moved_at_ = now;
  Heartbeat beat;
  beat.step = first_step_ + place.step;
  beat.place = place_text(place);
  beat.still_seconds = now - moved_at_;
  beat.collectives = gradients_->collectives().started + sums_->collectives().started;
  const ResidentMemory memory = resident_memory();
  beat.resident_bytes = memory.bytes;
  beat.shared_bytes = memory.shared_bytes;
  beat.limit_bytes = limit_bytes_;
  return beat;
}

}  // namespace catamaran
