// Discovery: the file that tells Prometheus where a run's metrics page is (file_sd_configs):
// FOLDER/RUN-HASH.json with one target and the labels job, run, slurm_job_id, user and cluster.
//
//   DiscoveryFile file("/shared/prometheus", {.address = "node7:9400", .run = "cat-1", ...});
//   ... training ...
//   file.remove();     // a clean end, code 0 or 75; otherwise it stays: CatamaranDown fires
//
// HASH is of the run directory's path, so that runs of one name have files of their own and a run
// that is started again, by whatever job, takes the place of its last one's. Written by rename: a
// reader sees the old or the new file. read_discovery reads every *.json of a folder that is of
// this form and says of each other one why it was left out; what it reads is bounded in files and
// bytes. Errors: UsageError where the folder cannot be made, written or read. Thread-safe.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
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
  std::vector<std::string> left_out;     // "FOLDER/x.json: it has no targets"; printable
};
DiscoveryFolder read_discovery(const std::filesystem::path& folder);
// The list that file_sd_configs and http_sd_configs read; [] without targets.
std::string discovery_json(const std::vector<DiscoveryTarget>& targets);

class DiscoveryFile {
 public:
  DiscoveryFile(const std::filesystem::path& folder, const DiscoveryTarget& target);
  DiscoveryFile(const DiscoveryFile&) = delete;
  DiscoveryFile& operator=(const DiscoveryFile&) = delete;
  ~DiscoveryFile() = default;  // leaves the file
  const std::filesystem::path& path() const { return path_; }
  // Not where another start of the run has put its own there by now.
  void remove();

 private:
  std::filesystem::path path_;
  std::string content_;
};

}  // namespace catamaran
