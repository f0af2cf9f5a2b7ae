// The offset of this rank's steady clock to rank 0's, measured over MPI, so that times of all ranks
// can be drawn on one clock.
//
//   const double offset = clock_offset(group.host_name(), timeout_seconds);
//   const double on_root = mine - offset;
//
// Ping-pong with rank 0, one rank after the other: of kRounds round trips the shortest is taken,
// and the peer's answer is said to lie in its middle, so the error is at most half of that round
// trip. On rank 0's own host the clock is the same, and the offset 0. Clocks drift by some parts in
// a million: measure near the times that are compared. Collective over MPI_COMM_WORLD: every rank
// calls it; without MPI, or alone, 0. Errors: CommError when a peer does not answer within
// timeout_seconds. Only the thread that runs the step loop.
// Source: Cristian, "Probabilistic clock synchronization" (1989).
#pragma once

#include <functional>
#include <string>

namespace catamaran {

double clock_offset(const std::string& host_name, double timeout_seconds);

// The measurement alone, with whatever clock, on whatever host.
double measure_clock_offset(const std::function<double()>& clock, double timeout_seconds);

}  // namespace catamaran
