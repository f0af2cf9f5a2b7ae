#include "comm/clock_offset.h"

#include <mpi.h>
#include <sched.h>

#include <cstdint>
#include <limits>

#include "comm/checked.h"
#include "comm/finished_operations.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr int kRounds = 64;
constexpr int kTag = 4711;

void wait(MPI_Request& request, int peer, double timeout_seconds) {
  const Stopwatch waiting;
  for (int done = 0;;) {
    MPI_CHECK(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "clock offset");
    if (done != 0) return;
    ::sched_yield();
    if (waiting.seconds() < timeout_seconds) continue;
    throw CommError("no answer from rank " + std::to_string(peer), "clock offset",
                    "look for a rank that hangs; raise comm.timeout_seconds if it is only slow");
  }
}

void send(double value, int peer, double timeout_seconds) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_CHECK(MPI_Isend(&value, 1, MPI_DOUBLE, peer, kTag, MPI_COMM_WORLD, &request), "clock offset");
  wait(request, peer, timeout_seconds);
}

double receive(int peer, double timeout_seconds) {
  double value = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_CHECK(MPI_Irecv(&value, 1, MPI_DOUBLE, peer, kTag, MPI_COMM_WORLD, &request), "clock offset");
  wait(request, peer, timeout_seconds);
  return value;
}

// Rank 0's side: the peer's clock minus this one, told to the peer.
void measure_peer(int peer, const std::function<double()>& clock, double timeout_seconds) {
  double offset = 0;
  double shortest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    const double sent = clock();
    send(0, peer, timeout_seconds);
    const double theirs = receive(peer, timeout_seconds);
    const double back = clock();
    if (back - sent >= shortest) continue;
    shortest = back - sent;
    offset = theirs - (sent + back) / 2;
  }
  send(offset, peer, timeout_seconds);
}

bool has_peers() {
  int initialised = 0;
  int world = 1;
  MPI_Initialized(&initialised);
  if (initialised != 0) MPI_Comm_size(MPI_COMM_WORLD, &world);
  return world > 1;
}

}  // namespace

double measure_clock_offset(const std::function<double()>& clock, double timeout_seconds) {
  if (!has_peers()) return 0;
  int rank = 0;
  int world = 1;
  MPI_CHECK(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  MPI_CHECK(MPI_Comm_size(MPI_COMM_WORLD, &world), "MPI_Comm_size");
  if (rank == 0) {
    for (int peer = 1; peer < world; ++peer) measure_peer(peer, clock, timeout_seconds);
    return 0;
  }
  for (int round = 0; round < kRounds; ++round) {
    // The first message may come when rank 0 is through with all the ranks before this one.
    receive(0, timeout_seconds);
    send(clock(), 0, timeout_seconds);
  }
  return receive(0, timeout_seconds);
}

double clock_offset(const std::string& host_name, double timeout_seconds) {
  const double measured = measure_clock_offset(steady_seconds, timeout_seconds);
  if (!has_peers()) return 0;
  uint64_t host = std::hash<std::string>()(host_name);
  const uint64_t mine = host;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_CHECK(MPI_Ibcast(&host, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD, &request), "clock offset");
  wait(request, 0, timeout_seconds);
  return host == mine ? 0 : measured;
}

}  // namespace catamaran
