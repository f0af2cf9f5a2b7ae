// --ranks N: the program starts itself under mpirun, so that a first user need not know how.
//
//   if (options.ranks > 0) return launch_ranks(options.ranks, argc, argv, OnStop::kCheckpoint);
//
// Handles root in a container, more ranks than cores, binding and signals (launch/supervise.h), and
// prints the mpirun line it uses. Returns when all ranks have ended, with their exit code. Errors:
// UsageError when already under a launcher, or when mpirun is missing. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/supervise.h"

namespace catamaran {

constexpr int kMostRanks = 4096;  // of one machine

// The command line, without "--ranks N", under mpirun.
std::vector<std::string> mpirun_command(int64_t ranks, const std::vector<std::string>& arguments);
int launch_ranks(int64_t ranks, int argc, char** argv, OnStop on_stop);

}  // namespace catamaran
