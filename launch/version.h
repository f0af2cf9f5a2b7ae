// Version, git id, and this process's rank as its launcher told it. Thread-safe.
#pragma once

#include <string>

namespace catamaran {

const char* version();       // "0.1.0"
const char* git_id();        // of the build, or "unknown"
std::string version_text();  // with the libraries' versions

// Rank from the launcher's environment (mpirun, srun --mpi=pmix), before MPI is up; -1 without a
// launcher.
int rank_from_environment();

}  // namespace catamaran
