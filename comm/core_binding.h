// Binds this rank to its part of the node's cores, as comm/core_plan.h plans it for the ranks of
// the host together.
//
//   const CoreBinding binding = bind_cores(*host, host_name, options.bind, gpu_bus_id);
//   if (!binding.what.empty() && host->rank() == 0) log::info(binding.what);
//
// Collective: all ranks call it together, before they start threads of their own, which inherit the
// mask (comm/own_cpus.h). Where the kernel refuses, the rank stays as it was, with a warning.
// Errors: UsageError where comm.bind cannot be had on this rank's host; CommError. Only the thread
// that runs the step loop.
#pragma once

#include <string>

#include "comm/communicator.h"

namespace catamaran {

struct CoreBinding {
  std::string cpus;  // of this rank from now on, as the kernel writes lists: "0-3,8"
  std::string what;  // a sentence for the log; empty: nothing was asked for or to be done
};

// gpu_bus_id: of the GPU that this rank computes on; empty: none.
CoreBinding bind_cores(Communicator& host, const std::string& host_name, const std::string& bind,
                       const std::string& gpu_bus_id);

}  // namespace catamaran
