// Discovery: the file that tells Prometheus where a run's metrics page is (file_sd_configs):
// FOLDER/RUN.json with one target and the labels job, run, slurm_job_id, user and cluster.
//
//   DiscoveryFile file({.folder = "/shared/prometheus", .run = "cat-1", ...});   // by rename
//   ... training ...
//   file.remove();     // a clean end, code 0 or 75; otherwise it stays, so that CatamaranDown
//   fires
//
// read_discovery reads every *.json of a folder that is of this form and says of each other why it
// was left out. Errors: UsageError where the folder cannot be made or written. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

struct DiscoveryTarget {
  std::filesystem::path file;  // where it was read; empty for one that is to be written
  std::string address;         // host:port
  std::string run;             // label run
  std::string slurm_job_id, user, cluster;  // labels; empty: not known
  std::string run_dir;  // __meta label, absolute: `status --sweep` asks it whether the job is gone
};

struct DiscoveryFolder {
  std::vector<DiscoveryTarget> targets;  // in the order of file names
  std::vector<std::string> left_out;     // "FOLDER/x.json: it has no targets"
};
DiscoveryFolder read_discovery(const std::filesystem::path& folder);
std::string discovery_json(const std::vector<DiscoveryTarget>& targets);

class DiscoveryFile {
 public:
  DiscoveryFile(const std::filesystem::path& folder, const DiscoveryTarget& target);
  DiscoveryFile(const DiscoveryFile&) = delete;
  DiscoveryFile& operator=(const DiscoveryFile&) = delete;
  ~DiscoveryFile();  // leaves the file
  const std::filesystem::path& path() const { return path_; }
  void remove();

 private:
  std::filesystem::path path_;
};

}  // namespace catamaran
