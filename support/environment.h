// The variables of the environment that a run writes down: those that schedulers, launchers and
// libraries are set up by, by an allow-list of names; nothing else, since secrets are there.
//
//   for (const auto& [name, value] : recorded_environment()) ...    // SLURM_JOB_ID, NCCL_DEBUG,
//   ... slurm_job_id();                                                 // "1207", "1207_3", ""
//
// Prefixes NCCL_, OMPI_MCA_, SLURM_, CUDA_, UCX_, PMIX_, OMP_, HDF5_ and a few names; of those,
// none whose name speaks of a secret (KEY, TOKEN, SECRET, PASS, COOKIE, CREDEN, JWT, AUTH, CERT) or
// of how the processes of a job find each other (URI, PRECONDITION), whatever its case, and no
// value with an address that has a user's name before it (https://me:word@host). Values longer than
// 4 KiB are cut; bytes that are no text are '?'. Thread-safe as getenv is: not beside setenv.
#pragma once

#include <map>
#include <string>

namespace catamaran {

std::map<std::string, std::string> recorded_environment();
// One of them; empty where it is not set or not allowed.
std::string recorded_variable(const std::string& name);
// What decides, for tests.
bool is_recorded(const std::string& name);

// As squeue, scancel and scontrol take it: JOB, or ARRAY_TASK for a task of an array; empty outside
// Slurm.
std::string slurm_job_id();

}  // namespace catamaran
