// RankSession: the start of a command that may run on several ranks: MPI, the log's rank, the
// ranks' group, in bounded time.
//
//   RankSession ranks(argc, argv, options.comm);       // first of what the command makes, last to
//   go ranks.group().is_root();
//
// The start may take five times comm.timeout_seconds (nodes boot, programs are read from shared
// storage); then the process ends with code 5 and a sentence, since MPI_Init knows no time-out.
// Errors: comm/process_group.h. Only the thread that runs the step loop.
#pragma once

#include "comm/mpi_session.h"
#include "comm/process_group.h"

namespace catamaran {

class RankSession {
 public:
  RankSession(int& argc, char**& argv, const CommOptions& options);

  ProcessGroup& group() { return group_; }

 private:
  struct Started;
  explicit RankSession(Started started);

  std::unique_ptr<MpiSession> mpi_;
  ProcessGroup group_;
};

}  // namespace catamaran
