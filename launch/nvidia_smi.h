// What nvidia-smi tells of this node's GPUs that CUDA does not: uncorrectable errors of their
// memory, rows of it that could not be replaced, and what others hold of it.
//
//   const std::vector<Finding> findings = ask_nvidia_smi(/*seconds=*/15);
//
// A program of its own, so that a driver that hangs costs a time-out and not this process. Where it
// is not on PATH, as in many containers, nothing is found and nothing is said. GPUs that another
// job's cgroup hides are not seen. The judging functions are pure: they take its output. Errors:
// none but launch/program_output.h's. Thread-safe.
// Source: nvidia-smi(1): --query-gpu, --query-remapped-rows, --format=csv,noheader,nounits.
#pragma once

#include <string>
#include <vector>

#include "support/finding.h"

namespace catamaran {

std::vector<Finding> ask_nvidia_smi(double seconds);

// Lines of "pci.bus_id, name, driver_version, memory.total, memory.used,
// ecc.errors.uncorrected.volatile.total", MiB.
std::vector<Finding> judge_gpu_lines(const std::string& csv);
// Lines of "gpu_bus_id, remapped_rows.pending, remapped_rows.failure".
std::vector<Finding> judge_row_lines(const std::string& csv);

}  // namespace catamaran
