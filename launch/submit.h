// `catamaran submit`: a job of Slurm that trains, trains the points of a sweep, or evaluates. What
// would end it in its first minute ends the submission instead; what is written is taken back where
// no job comes of it.
//
//   SubmitArguments given{.config = "configs/cat.toml", .run_dir = "/shared/runs/cat"};
//   return submit_train(given);                   // exit code; result on stdout
//
// RUN/submit.sbatch is what sbatch was given, RUN/submit.toml the configuration as it was resolved
// then, RUN/submitted.json the job (launch/submission_files.h); of a sweep OUT/submit.sbatch, and a
// submitted.json for each point. Errors: those of launch/submit_checks.h, UsageError. One thread at
// a time.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/config.h"
#include "launch/job_script.h"
#include "launch/site_file.h"
#include "launch/slurm_client.h"
#include "launch/submission_files.h"
#include "launch/submit_checks.h"
#include "launch/submit_job.h"

namespace catamaran {

struct SubmitArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::filesystem::path run_dir;     // of a sweep: its folder, instead of what its file says
  std::filesystem::path sweep;       // file, prepared plan or folder of a sweep
  std::filesystem::path checkpoint;  // to evaluate
  std::filesystem::path data;        // pack to evaluate on
  std::filesystem::path out;         // result of an evaluation
  std::filesystem::path site;
  JobWishes job;
  std::string array;                   // of a sweep: "0-5%2"
  bool retry_failed = false;           // of a sweep: points, too, that failed again and again
  std::vector<std::string> arguments;  // more for train or eval
  std::string command_line;            // as it was typed, for the script's first lines
  bool dry_run = false;
  bool json = false;
};

int submit_train(const SubmitArguments& given);
int submit_sweep(const SubmitArguments& given);
int submit_eval(const SubmitArguments& given);

// What the three have in common: the site, the shape of the job, Slurm, and the words at the end.
class SubmitJob {
 public:
  // UsageError of the site file or of the wishes.
  explicit SubmitJob(const SubmitArguments& given);

  const SiteFile& site() const { return site_; }
  const JobShape& shape() const { return shape_; }
  const SlurmClient& slurm() const { return slurm_; }
  SubmitChecks& checks() { return checks_; }

  // sbatch, the kind of MPI, the partition's time limit; nothing of a dry run.
  void require_slurm();
  // None of these jobs ("" is none) may be queued or run; nothing of a dry run.
  void require_not_queued(const std::vector<std::string>& jobs, const std::filesystem::path& run);
  // The user's, `hosts`, and those of the file of bad nodes, as far as Slurm knows them.
  std::vector<std::string> excluded(const std::vector<std::string>& hosts,
                                    const std::filesystem::path& bad_nodes);

  JobScript script(const JobNames& names, const std::filesystem::path& bad_nodes,
                   const std::filesystem::path& file, const Settings& first) const;
  Submission submission(const std::string& job_id, const std::filesystem::path& script,
                        const std::vector<std::string>& command,
                        const std::vector<std::string>& excluded) const;
  // Notes, then the jobs, or the scripts that a dry run would submit.
  void print(const std::vector<Submission>& jobs, const std::vector<std::string>& scripts,
             const std::string& what, nlohmann::json more = nlohmann::json::object()) const;

 private:
  const SubmitArguments& given_;
  SiteFile site_;
  JobShape shape_;
  SlurmClient slurm_;
  SubmitChecks checks_;
};

// Absolute, and without what would not stand in a script; UsageError naming the option.
std::filesystem::path submit_path(const std::filesystem::path& given, const std::string& option);
// The setting of monitoring.discovery_folder that the site asks for; empty where the configuration
// has one of its own, or the site has none.
std::string discovery_setting(const ResolvedConfig& config, const SiteFile& site);
// The folder in which relative paths mean something: that of this process.
std::filesystem::path current_folder();

}  // namespace catamaran
