// What a job of `catamaran submit` asks of Slurm, from what a user says and what the site file
// says.
//
//   const JobShape shape = job_shape(wishes, site);        // UsageError with every mistake at once
//   script.options = sbatch_options(shape, wishes, site, {.kind = "train", ...});
//   script.settings = common_settings(shape, site, program, ...);
//
// Pure functions, but for own_program(). Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "launch/job_script.h"
#include "launch/site_file.h"

namespace catamaran {

// As given on the command line; what is 0 or empty the site file says, or Slurm.
struct JobWishes {
  int64_t nodes = 1;
  int64_t ranks_per_node = 0;
  int64_t gpus_per_node = -1;  // -1: not said; 0: none
  int64_t cpus_per_task = 0;
  std::string time{};
  std::string partition{}, account{}, qos{};
  std::string name{};                  // of the job
  std::string exclude{};               // "n3,n7": node names, no lists in brackets
  std::vector<std::string> options{};  // more for sbatch
};

struct JobShape {
  std::string partition{};  // empty: Slurm's default
  int64_t nodes = 1;
  int64_t ranks_per_node = 1;
  int64_t gpus_per_node = 0;
  int64_t cpus_per_task = 0;  // 0: as Slurm has it
  int64_t seconds = 0;        // of one life; 0: as the partition has it
  SitePartition part{};

  int64_t ranks() const { return nodes * ranks_per_node; }
  std::string text() const;  // "8 ranks on 2 nodes of gpu, 4 GPUs each, 0-04:00:00 at a time"
};
JobShape job_shape(const JobWishes& wishes, const SiteFile& site);

struct JobNames {
  std::string kind;           // train, sweep, eval
  std::string job;            // name in the queue
  std::filesystem::path log;  // with sbatch's patterns in its last part: "job-%j.log"
  std::filesystem::path
      folder;  // the job begins there: paths of a configuration are relative to it
  std::vector<std::string> excluded;
};
std::vector<std::string> sbatch_options(const JobShape& shape, const JobWishes& wishes,
                                        const SiteFile& site, const JobNames& names);

std::vector<std::string> environment_lines(const SiteFile& site);

using Settings = std::vector<std::pair<std::string, std::string>>;
// What slurm/job.sh asks for. program: of this build, for a site that names none. bad_nodes,
// script: paths on the nodes.
Settings common_settings(const JobShape& shape, const JobWishes& wishes, const SiteFile& site,
                         const std::string& program, const std::filesystem::path& bad_nodes,
                         const std::filesystem::path& script);
// The file that runs now.
std::string own_program();

// Before the end of a job of so many seconds; 0: no signal, the ranks keep the time by themselves.
int64_t signal_seconds(int64_t seconds, int64_t wanted);
std::string slurm_time(int64_t seconds);  // "1-02:30:00"
// Node names between commas. UsageError for anything else.
std::vector<std::string> node_list(const std::string& given, const std::string& option);

}  // namespace catamaran
