// JobScript: a job of one kind with every setting of it, and its text: what sbatch is given.
//
//   JobScript script{.kind = "train", .written_by = "catamaran submit --config ..."};
//   script.options = {"--nodes=2", "--time=4:00:00"};              // #SBATCH
//   script.environment = {"module load openmpi"};                  // lines of bash
//   script.settings = {{"run", shell_word(run)}, ...};             // name and bash's right-hand
//   side job_script_text(script);
//
// slurm/KIND.sbatch down to its last line, with these in place of its own header and settings, and
// with slurm/job.sh in it, so that a job that waits or is requeued depends on no file of the
// installation. Thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace catamaran {

struct JobScript {
  std::string kind;                      // train, sweep, eval
  std::string written_by;                // for a comment; may be of several lines
  std::vector<std::string> options;      // of sbatch, each a whole word
  std::vector<std::string> environment;  // before anything else
  std::vector<std::pair<std::string, std::string>> settings;
};

std::string job_script_text(const JobScript& script);

}  // namespace catamaran
