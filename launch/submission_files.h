// Files that belong to a submission, which are there if a job is queued, and else as they were:
//
//   SubmissionFiles files;
//   files.place(run / "submit.sbatch", text);      // folders above it are made
//   const std::string job = slurm.submit(...);     // throws: all is taken back
//   files.place(run / "submitted.json", submission_json(record));
//   files.keep();
//
// A file that was there is written again as it was; a folder that was made goes where nothing else
// is in it. Errors: UsageError with path and errno. One thread at a time.
//
// RUN/submitted.json says which job a run was last submitted as; the job script writes it anew
// where it submits itself elsewhere (slurm/job.sh).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace catamaran {

class SubmissionFiles {
 public:
  SubmissionFiles() = default;
  SubmissionFiles(const SubmissionFiles&) = delete;
  SubmissionFiles& operator=(const SubmissionFiles&) = delete;
  ~SubmissionFiles();

  void make_folder(const std::filesystem::path& folder);
  void place(const std::filesystem::path& file, std::string_view content);
  // What somebody else is about to make, or to write anew, for this submission.
  void remember(const std::filesystem::path& file);
  void remember_folder(const std::filesystem::path& folder);
  // A file that somebody else has made for it.
  void made(const std::filesystem::path& file) { files_.emplace_back(file, std::nullopt); }
  void keep();

 private:
  using Before = std::optional<std::string>;
  std::vector<std::pair<std::filesystem::path, Before>> files_;
  std::vector<std::filesystem::path> folders_;  // made, in this order
};

struct Submission {
  std::string job_id;  // "12", or "12_3": a task of an array
  double unix_seconds = 0;
  std::string script{};   // absolute
  std::string command{};  // as it could be typed
  std::string partition{};
  int64_t nodes = 0, ranks = 0, seconds = 0;  // time limit; 0: none was asked for
  std::vector<std::string> excluded{};
};
std::string submission_json(const Submission& submission);
// The job_id of a submitted.json; nullopt where there is none, or none that can be understood.
std::optional<std::string> submitted_job(const std::filesystem::path& file);

}  // namespace catamaran
