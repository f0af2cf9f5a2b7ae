// SiteFile: what a cluster is like, for job scripts: one TOML file of the site, of which
// slurm/site.example.toml has every key.
//
//   const SiteFile site = find_site_file(given.site);       // --site, or the usual places, or none
//   const SitePartition part = site.partition_named("gpu");
//
// Errors: UsageError that lists every mistake of the file at once, each with its line, unknown keys
// with the nearest known one. Nothing in it may break a line of a script: control characters are
// mistakes. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace catamaran {

struct SitePartition {
  int64_t gpus_per_node = 0;
  std::string gpu_request = "gpus-per-node";  // or gres
  std::string gpu_type{};
  int64_t ranks_per_node = 0;  // 0: one a GPU, without GPUs one
  int64_t cpus_per_task = 0;   // 0: Slurm's own default
  std::string memory{};        // of a node, as --mem has it
  std::string time{};          // as people write it (launch/duration.h)
};

struct SiteFile {
  std::filesystem::path file;  // empty: there is none, and all is as Slurm has it
  // [slurm]
  std::string partition, account, qos, time, constraint, reservation;
  std::vector<std::string> options;  // of sbatch
  int64_t signal_seconds = 300;
  // [partitions.NAME]
  std::map<std::string, SitePartition> partitions;
  // [environment]
  std::vector<std::string> setup;      // lines of bash
  std::vector<std::string> modules;    // words of `module load`
  std::vector<std::string> variables;  // NAME=VALUE
  // [container]
  std::string container = "none";  // none, apptainer, pyxis
  std::string image;
  std::vector<std::string> mounts;
  std::vector<std::string> container_options;
  // [launch]
  std::string launcher = "srun";  // srun, mpirun
  std::string mpi = "pmix";
  std::vector<std::string> launcher_options;
  bool node_check = true;
  // [paths], absolute
  std::string program, bad_nodes, discovery;

  // UsageError where the file has partitions, and none of this name; "" is Slurm's default one.
  SitePartition partition_named(const std::string& name) const;
};

SiteFile read_site_file(const std::filesystem::path& file);

// given, where it is not empty; else slurm/site.toml of this folder, else ../share/catamaran/slurm
// beside the program; else nothing.
SiteFile find_site_file(const std::filesystem::path& given);

// Options of sbatch that a job script has by itself: words that a site or a user may not give.
// Empty, or what is wrong with the word.
std::string problem_of_sbatch_option(const std::string& word);

}  // namespace catamaran
