// MpiSession: MPI from first to last line of main. Constructed before anything else, destroyed
// after everything else.
//
//   MpiSession mpi(argc, argv);       // MPI_THREAD_MULTIPLE; alone, under mpirun or under srun
//   --mpi=pmix
//
// When the stack is unwinding from an exception the destructor does not finalize (peers may be
// gone); main then calls abort(), which ends every rank of the job with the given exit code.
// Commands that need no ranks never construct one. Errors: CommError when MPI cannot start or lacks
// the thread level. Only the thread that runs the step loop, except abort(), which is Thread-safe.
#pragma once

#include <string>

namespace catamaran {

class MpiSession {
 public:
  MpiSession(int& argc, char**& argv);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

  int rank() const { return rank_; }
  int world() const { return world_; }
  int local_rank() const { return local_rank_; }  // among the ranks of this node
  int local_world() const { return local_world_; }
  const std::string& host_name() const { return host_name_; }

  // Ends all ranks with this exit code, at once and without finalize.
  [[noreturn]] void abort(int exit_code) noexcept;

 private:
  int exceptions_at_start_;
  int rank_ = 0;
  int world_ = 1;
  int local_rank_ = 0;
  int local_world_ = 1;
  std::string host_name_;
};

// The same for a main whose session is already unwound (an exception was caught): ends every rank
// of the job, if there are any, and this process. Thread-safe.
[[noreturn]] void abort_all_ranks(int exit_code) noexcept;

// True when a launcher (mpirun, srun --mpi=pmix) started this process: read from the environment,
// before MPI is up.
bool started_by_launcher();

}  // namespace catamaran
