#include "launch/nvidia_smi.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <sstream>

#include "launch/program_output.h"
#include "support/cpu_topology.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr const char* kTopic = "gpu-memory";
constexpr int64_t kMuchInUse = 1024;  // MiB: more than the driver itself holds
constexpr const char* kLeaveOut =
    "leave the node out (sbatch --exclude) and have the GPU reset, then tested (dcgmi diag)";

std::string trimmed(const std::string& field) {
  const size_t begin = field.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return field.substr(begin, field.find_last_not_of(" \t\r") - begin + 1);
}

// Of each line that has so many fields.
std::vector<std::vector<std::string>> rows_of(const std::string& csv, size_t fields) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(csv);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> row;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ',');) row.push_back(trimmed(field));
    if (row.size() == fields) rows.push_back(std::move(row));
  }
  return rows;
}

// nullopt for "[N/A]" and the like.
std::optional<int64_t> number_of(const std::string& field) {
  int64_t number = 0;
  const char* end = field.data() + field.size();
  const auto [rest, problem] = std::from_chars(field.data(), end, number);
  if (problem != std::errc() || rest != end) return std::nullopt;
  return number;
}

// Drivers write a count or a word.
bool is_yes(const std::string& field) {
  return field == "Yes" || field == "yes" || number_of(field).value_or(0) > 0;
}

}  // namespace

std::vector<Finding> judge_gpu_lines(const std::string& csv) {
  std::vector<Finding> findings;
  std::string driver;
  for (const std::vector<std::string>& row : rows_of(csv, 6)) {
    const std::string gpu = "GPU " + kernel_bus_id(row[0]) + " (" + row[1] + ")";
    driver = row[2];
    const int64_t errors = number_of(row[5]).value_or(0);
    if (errors > 0)
      findings.push_back(failure(kTopic,
                                 text("%ld uncorrectable error(s) of the memory of %s since the "
                                      "driver was loaded",
                                      errors, gpu.c_str()),
                                 kLeaveOut));
    const int64_t used = number_of(row[4]).value_or(0);
    const int64_t total = number_of(row[3]).value_or(0);
    if (used > kMuchInUse)
      findings.push_back(warning(
          "gpu-in-use", text("%ld of %ld MiB of %s are in use already", used, total, gpu.c_str()),
          "see who holds it: nvidia-smi; a process of a job that has ended "
          "has to be killed"));
  }
  if (!driver.empty()) findings.push_back(fine("gpu-driver", "driver " + driver));
  return findings;
}

std::vector<Finding> judge_row_lines(const std::string& csv) {
  std::vector<Finding> findings;
  for (const std::vector<std::string>& row : rows_of(csv, 3)) {
    const std::string gpu = "GPU " + kernel_bus_id(row[0]);
    if (is_yes(row[2])) {
      findings.push_back(
          failure(kTopic, gpu + " could not replace a damaged row of its memory",
                  "leave the node out (sbatch --exclude) and have the GPU replaced"));
    } else if (is_yes(row[1])) {
      findings.push_back(warning(kTopic, gpu + " has yet to replace a damaged row of its memory",
                                 "have the GPU reset when no job uses it (nvidia-smi -r)"));
    }
  }
  return findings;
}

std::vector<Finding> ask_nvidia_smi(double seconds) {
  const std::string format = "--format=csv,noheader,nounits";
  const ProgramOutput gpus =
      run_program({"nvidia-smi",
                   "--query-gpu=pci.bus_id,name,driver_version,memory.total,memory.used,"
                   "ecc.errors.uncorrected.volatile.total",
                   format},
                  seconds);
  if (!gpus.found) return {};
  if (gpus.timed_out)
    return {failure("gpu-driver", text("nvidia-smi does not answer within %.0f s", seconds),
                    "leave the node out and have it booted: its driver hangs")};
  if (!gpus.ok()) {
    const std::string words = trimmed(gpus.out.substr(0, gpus.out.find('\n')));
    return {warning(
        "gpu-driver",
        text("nvidia-smi ends with code %d: ", gpus.code) + (words.empty() ? gpus.err : words),
        "where the node has GPUs, have its driver looked at")};
  }
  std::vector<Finding> findings = judge_gpu_lines(gpus.out);
  const ProgramOutput rows = run_program(
      {"nvidia-smi", "--query-remapped-rows=gpu_bus_id,remapped_rows.pending,remapped_rows.failure",
       format},
      seconds);
  if (rows.ok()) {  // GPUs before Ampere have none
    const std::vector<Finding> more = judge_row_lines(rows.out);
    findings.insert(findings.end(), more.begin(), more.end());
  }
  return findings;
}

}  // namespace catamaran
