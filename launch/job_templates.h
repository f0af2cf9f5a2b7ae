// The files of slurm/ that a job script is made of, part of this program: an installed tree needs
// no other.
//
//   job_template("train.sbatch");    // #!/bin/bash ...
//
// train.sbatch, sweep.sbatch, eval.sbatch, job.sh, site.example.toml. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

std::vector<std::string> job_template_names();
// One of those names.
std::string_view job_template(std::string_view name);

}  // namespace catamaran
