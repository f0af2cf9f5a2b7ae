// What this site's Slurm says, asked through its own commands: sbatch, squeue, scontrol, sinfo,
// srun.
//
//   const SlurmClient slurm;
//   slurm.require_sbatch();                           // one sentence where there is no Slurm
//   slurm.require_mpi("pmix");                        // or a Slurm without PMIx
//   slurm.states_of({"12_3", "15"});                  // {"12_3": "RUNNING"}: those in the queue
//   const std::string job = slurm.submit({"sbatch", "--parsable", script});
//
// Each answer is bounded in size and time (launch/program_output.h). Errors: UsageError with the
// command's own sentence where it failed, or did not answer. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

class SlurmClient {
 public:
  void require_sbatch() const;
  // Which kinds of MPI `srun` knows must have this one among them.
  void require_mpi(const std::string& kind) const;

  // Of those of the jobs ("12", or "12_3" of an array) that are queued or run, the state. A job
  // that Slurm has forgotten is in no queue.
  std::map<std::string, std::string> states_of(const std::vector<std::string>& jobs) const;

  // Seconds; nullopt: without limit, or not known.
  std::optional<int64_t> time_limit_of(const std::string& partition) const;
  int64_t max_array_size() const;

  // The nodes that Slurm has under these names, or hosts' names, as it calls them; those that it
  // does not know go to `unknown`. It refuses a job for a single unknown one.
  std::vector<std::string> nodes_named(const std::vector<std::string>& names,
                                       std::vector<std::string>& unknown) const;

  // The job's number.
  std::string submit(const std::vector<std::string>& sbatch) const;
  // Never throws: what is wrong is logged.
  void cancel(const std::string& job) const noexcept;
};

// Parts of it, for tests: what the commands print.
std::vector<std::string> parse_mpi_kinds(std::string_view srun_says);
std::optional<int64_t> parse_slurm_seconds(std::string_view time);  // "1-12:00:00", "infinite"
std::optional<int64_t> parse_max_array_size(std::string_view scontrol_says);
std::optional<std::string> parse_job_number(std::string_view sbatch_says);
// "12", "12_3".
bool is_job_number(std::string_view job);

}  // namespace catamaran
