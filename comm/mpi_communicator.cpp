#include "comm/mpi_communicator.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "comm/checked.h"
#include "comm/mpi_types.h"
#include "support/assert.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestCount = int64_t{1}
                                  << 28;  // elements of one MPI call; int counts end at 2^31
constexpr int kSpins = 200;               // polls before the processor is offered to others
constexpr int64_t kBroadcast = -1;        // in place of an all-reduce's bytes

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm parent, std::string host_name, double timeout_seconds)
    : host_name_(std::move(host_name)), timeout_seconds_(timeout_seconds) {
  MPI_Comm duplicate = MPI_COMM_NULL;
  MPI_CHECK(MPI_Comm_dup(parent, &duplicate), "MPI_Comm_dup");
  comm_ = MpiComm(duplicate);
  MPI_Comm_set_errhandler(comm_.get(), MPI_ERRORS_RETURN);
  MPI_CHECK(MPI_Comm_rank(comm_.get(), &rank_), "MPI_Comm_rank");
  MPI_CHECK(MPI_Comm_size(comm_.get(), &world_), "MPI_Comm_size");
}

MpiCommunicator::~MpiCommunicator() {
  // An operation that was left unfinished belongs to a job that is ending by an error: freeing
  // could wait for ever.
  if (!started_.empty()) (void)comm_.release();
}

void MpiCommunicator::start_all_reduce(void* data, int64_t count, DataType type, ReduceOp op,
                                       void*) {
  auto* at = static_cast<char*>(data);
  const double start_seconds = steady_seconds();
  for (int64_t done = 0; done < count; done += kLargestCount) {
    const int64_t part = std::min(kLargestCount, count - done);
    const int64_t sequence = ring_.start("all-reduce", part * bytes_of(type));
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_CHECK(MPI_Iallreduce(MPI_IN_PLACE, at + done * bytes_of(type), static_cast<int>(part),
                             mpi_type(type), mpi_op(type, op), comm_.get(), &request),
              ring_.describe(sequence));
    started_.push_back({request, sequence, part * bytes_of(type), start_seconds});
  }
}

bool MpiCommunicator::progress() {
  while (!started_.empty()) {
    int done = 0;
    MPI_CHECK(MPI_Test(&started_.front().request, &done, MPI_STATUS_IGNORE),
              ring_.describe(started_.front().sequence));
    if (done == 0) return true;  // what it did meanwhile, MPI does not tell
    ring_.finish();
    if (const Started& first = started_.front(); first.bytes >= 0)
      finished_.add({first.bytes, first.start_seconds, steady_seconds()});
    started_.pop_front();
  }
  return false;
}

void MpiCommunicator::wait_all(void*) {
  const Stopwatch waiting;
  for (int64_t polls = 0; !started_.empty(); ++polls) {
    progress();
    if (polls < kSpins || started_.empty()) continue;
    ::sched_yield();
    if (waiting.seconds() > timeout_seconds_) throw_timeout(started_.front().sequence);
  }
}

void MpiCommunicator::broadcast(void* data, int64_t bytes, int root, void*) {
  CATAMARAN_ASSERT(started_.empty(), "no all-reduce is under way while a broadcast starts");
  auto* at = static_cast<char*>(data);
  for (int64_t done = 0; done < bytes; done += kLargestCount) {
    const int64_t part = std::min(kLargestCount, bytes - done);
    const int64_t sequence = ring_.start("broadcast", part);
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_CHECK(MPI_Ibcast(at + done, static_cast<int>(part), MPI_BYTE, root, comm_.get(), &request),
              ring_.describe(sequence));
    started_.push_back({request, sequence, kBroadcast, 0});
    wait_all(nullptr);
  }
}

void MpiCommunicator::throw_timeout(int64_t sequence) const {
  throw CommError(
      "no answer from at least one other rank within " +
          std::to_string(static_cast<int64_t>(timeout_seconds_)) + " s",
      "rank " + std::to_string(rank_) + " on " + host_name_ + ", " + ring_.describe(sequence),
      "look for a rank that hangs or is slow; raise comm.timeout_seconds if it only needs longer");
}

}  // namespace catamaran
