// Which CPUs each rank of a node takes: an equal part of its cores, with the hyperthreads of a core
// together, within one NUMA node and on that of its GPU where that is possible.
//
//   const CorePlan plan = plan_cores("auto", read_cpu_topology(), ranks_of_this_host);
//   plan.cpus[2];                                    // {8, 9, 40, 41}
//
// bind (comm.bind):
//   auto  where ranks share a node and the launcher has bound none of them (all have the same
//         mask): equal parts; left as it is where there are fewer cores than ranks, or more than a
//         quarter of the cores would be idle.
//   core  equal parts, whatever is left idle; refused where they cannot be had.
//   numa  all CPUs of one NUMA node each, shared by the ranks that get the same one; refused where
//         the launcher has bound ranks across nodes.
//   none  nothing.
// Where the launcher bound the ranks already, it is left. Only CPUs of the ranks' own masks (a
// job's cpuset) are given out. A pure function, so that the ranks of a host decide alike.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "support/cpu_topology.h"

namespace catamaran {

struct RankPlace {
  std::vector<int> cpus;   // of its mask
  int gpu_numa_node = -1;  // of its GPU; -1: it has none, or nobody knows
};

struct CorePlan {
  std::vector<std::vector<int>> cpus;  // by rank of the host; empty: all stay as they are
  std::string what;                    // a clause that tells what was done, or why nothing
  bool refused = false;                // bind cannot be had: what says why
};

CorePlan plan_cores(const std::string& bind, const CpuTopology& machine,
                    const std::vector<RankPlace>& ranks);

}  // namespace catamaran
