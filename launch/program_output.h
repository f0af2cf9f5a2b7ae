// A program of the site, run to its end: squeue, sbatch, scontrol, lscpu.
//
//   const ProgramOutput said = run_program({"squeue", "-h", "-j", id, "-o", "%T"}, 10);
//   if (!said.found) ...            // not on PATH
//
// No shell; stdin is empty; output beyond a MiB is cut; after `seconds` it is killed with its
// children and `timed_out` is set. Errors: UsageError only where no process can be made.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

struct ProgramOutput {
  bool found = false;  // on PATH, and it could be started
  bool timed_out = false;
  int code = -1;  // exit status; 128 + signal where one ended it
  std::string out, err;

  bool ok() const { return found && !timed_out && code == 0; }
};

ProgramOutput run_program(const std::vector<std::string>& words, double seconds);

}  // namespace catamaran
