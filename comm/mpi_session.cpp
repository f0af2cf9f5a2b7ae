#include "comm/mpi_session.h"

#include <mpi.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>

#include "comm/checked.h"
#include "support/error.h"
#include "support/host_name.h"

namespace catamaran {

void throw_mpi_error(int code, const std::string& operation) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  throw CommError(
      std::string(text.data(), static_cast<size_t>(length)),
      "rank " + std::to_string(rank) + " on " + catamaran::host_name() + ", " + operation,
      "look for the first message of another rank; resume from the newest checkpoint");
}

MpiSession::MpiSession(int& argc, char**& argv) : exceptions_at_start_(std::uncaught_exceptions()) {
  int level = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level) != MPI_SUCCESS ||
      level < MPI_THREAD_MULTIPLE) {
    throw CommError(
        "MPI offers thread level " + std::to_string(level) + ", not MPI_THREAD_MULTIPLE",
        "MPI_Init_thread", "use an MPI built with thread support (Debian's openmpi is)");
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_CHECK(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  MPI_CHECK(MPI_Comm_size(MPI_COMM_WORLD, &world_), "MPI_Comm_size");
  MPI_Comm node = MPI_COMM_NULL;
  MPI_CHECK(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
            "MPI_Comm_split_type");
  MPI_Comm_rank(node, &local_rank_);
  MPI_Comm_size(node, &local_world_);
  MPI_Comm_free(&node);
  host_name_ = catamaran::host_name();
}

MpiSession::~MpiSession() {
  // While an exception passes, peers may be gone: MPI_Finalize could wait for them for ever.
  if (std::uncaught_exceptions() == exceptions_at_start_) MPI_Finalize();
}

void abort_all_ranks(int exit_code) noexcept {
  // MPI_Abort may block next to a sick peer; the launcher ends the others when this process exits
  // with an error.
  std::thread([exit_code] {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    ::_exit(exit_code);
  }).detach();
  int initialised = 0;
  int finalised = 0;
  MPI_Initialized(&initialised);
  MPI_Finalized(&finalised);
  if (initialised != 0 && finalised == 0) {
    int world = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &world);
    if (world > 1) {
      MPI_Abort(MPI_COMM_WORLD, exit_code);
    } else {
      MPI_Finalize();  // there is nobody to end, and MPI_Abort would add lines of its own
    }
  }
  ::_exit(exit_code);
}

void MpiSession::abort(int exit_code) noexcept { abort_all_ranks(exit_code); }

bool started_by_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

}  // namespace catamaran
