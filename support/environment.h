// The variables of the environment that a run writes down: those that schedulers, launchers and
// libraries are set up by, by an allow-list of names; nothing else, since secrets are there.
//
//   for (const auto& [name, value] : recorded_environment()) ...    // SLURM_JOB_ID, NCCL_DEBUG,
//   ...
//
// Prefixes NCCL_, OMPI_MCA_, SLURM_, CUDA_, UCX_, PMIX_, OMP_, HDF5_ and a few names; of those,
// none whose name speaks of a secret (KEY, TOKEN, SECRET, PASSWORD, COOKIE, CREDENTIAL, JWT), and
// values of at most 4 KiB. Thread-safe as getenv is: not beside setenv.
#pragma once

#include <map>
#include <string>

namespace catamaran {

std::map<std::string, std::string> recorded_environment();
// One of them; empty where it is not set or not allowed.
std::string recorded_variable(const std::string& name);
// What decides, for tests.
bool is_recorded(const std::string& name);

}  // namespace catamaran
