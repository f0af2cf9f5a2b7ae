// --ranks N: the program starts itself under mpirun, so that a first user need not know how.
//
//   if (options.ranks > 0) launch_ranks(options.ranks, argc, argv);      // returns only in the
//   ranks themselves
//
// Handles root in a container, more ranks than cores, and binding, and prints the mpirun line it
// uses. Errors: UsageError when already under a launcher, or when mpirun is missing. One thread at
// a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

// The command line, without "--ranks N", under mpirun.
std::vector<std::string> mpirun_command(int64_t ranks, const std::vector<std::string>& arguments);
[[noreturn]] void launch_ranks(int64_t ranks, int argc, char** argv);

}  // namespace catamaran
