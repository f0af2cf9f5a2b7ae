// What started this process, as its environment tells, before MPI is up; and what to say of it.
//
//   const LauncherFacts launcher = read_launcher();
//   launcher.name;                                   // "mpirun", "srun", "" where nothing did
//   if (const auto finding = launcher_problem(launcher)) ...   // MPI must not be started then
//
// A step of srun without PMIx is where Open MPI ends the process with a page of its own, and where
// a launcher of another MPI makes as many jobs of one rank as it has started processes. Pure
// functions but for the environment. Thread-safe as getenv is: not beside setenv.
// Source: srun(1), mpirun(1), PMIx's environment of clients (PMIX_RANK, PMIX_VERSION).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "support/finding.h"

namespace catamaran {

struct LauncherFacts {
  std::string name;          // "mpirun", "srun", "another launcher" (of PMI); "": none
  int rank = -1;             // -1: nobody says
  int local_rank = -1;       // among those of this node; -1: nobody says
  int64_t processes = 1;     // that it started, as far as it says
  bool has_pmix = false;     // this process is a client of PMIx
  std::string pmix_version;  // of the launcher's PMIx; "" where it does not say
  std::string slurm_job;     // "" outside of one
};

using Variable = std::function<const char*(const char* name)>;
LauncherFacts read_launcher(const Variable& variable);
LauncherFacts read_launcher();  // of this process's environment

// Before MPI: why it could not start.
std::optional<Finding> launcher_problem(const LauncherFacts& launcher);
// With MPI up: the ranks that it sees are those that were started.
std::optional<Finding> world_problem(const LauncherFacts& launcher, int64_t world);

}  // namespace catamaran
