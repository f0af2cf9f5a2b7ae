// The CPUs that this process may run on, by the kernel's mask of affinity.
//
//   const std::vector<int> cpus = own_cpus();                 // {0, 1, 2, 3}
//   if (!take_cpus({0, 1})) ...                               // the kernel does not allow it
//
// take_cpus narrows every thread that the process has, and those that they start inherit it; a
// thread that starts while it works may be missed, so it is called before there are many.
// Thread-safe. Source: sched_setaffinity(2).
#pragma once

#include <string>
#include <vector>

namespace catamaran {

std::vector<int> own_cpus();  // in order; empty where the system does not say
bool take_cpus(const std::vector<int>& cpus);

}  // namespace catamaran
