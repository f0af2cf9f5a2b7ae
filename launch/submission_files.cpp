#include "launch/submission_files.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "launch/slurm_client.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/json.h"
#include "support/log.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr int kFormatVersion = 1;
constexpr int64_t kLargestKept = int64_t{64} << 20;  // of a file that would be replaced
constexpr int64_t kLargestRecord = int64_t{1} << 20;

[[noreturn]] void refuse(const std::string& clause, int number, const fs::path& path) {
  throw UsageError(with_errno(clause, number), path.string(),
                   "choose a --run-dir that you can write to");
}

// nullopt: there is no such file.
std::optional<std::string> content_of(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) refuse("cannot read the file that would be replaced", errno, path);
  const int64_t bytes = file_bytes(file, path);
  if (bytes > kLargestKept)
    throw UsageError("it is larger than anything that a submission writes", path.string(),
                     "move it away, or choose another --run-dir");
  std::string content(static_cast<size_t>(bytes), '\0');
  read_exactly_at(file, 0, content.data(), bytes, path);
  return content;
}

}  // namespace

SubmissionFiles::~SubmissionFiles() {
  std::error_code code;
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    const auto& [path, before] = *file;
    try {
      if (before) write_file_atomically(path, *before, kKind, Parents::kMustBeThere);
      if (!before) fs::remove(path, code);
    } catch (const std::exception& problem) {
      log::warn(path.string() + ": could not be put back as it was: " + problem.what());
    }
  }
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder)
    fs::remove(*folder, code);  // not where something is in it
}

void SubmissionFiles::make_folder(const fs::path& folder) {
  std::error_code code;
  if (folder.empty() || fs::is_directory(folder, code)) return;
  make_folder(folder.parent_path());
  if (fs::create_directory(folder, code)) folders_.push_back(folder);
  if (code) refuse("cannot make the folder", code.value(), folder);
}

void SubmissionFiles::place(const fs::path& file, std::string_view content) {
  make_folder(file.parent_path());
  std::optional<std::string> before = content_of(file);
  write_file_atomically(file, content, kKind, Parents::kMustBeThere);
  files_.emplace_back(file, std::move(before));
}

void SubmissionFiles::remember(const fs::path& file) {
  files_.emplace_back(file, content_of(file));
}

void SubmissionFiles::remember_folder(const fs::path& folder) {
  std::error_code code;
  if (fs::exists(folder, code)) return;
  if (folder.has_relative_path()) remember_folder(folder.parent_path());
  folders_.push_back(folder);
}

void SubmissionFiles::keep() {
  files_.clear();
  folders_.clear();
}

std::string submission_json(const Submission& submission) {
  return json_text({{"format_version", kFormatVersion},
                    {"job_id", submission.job_id},
                    {"submitted_unix_seconds", submission.unix_seconds},
                    {"script", submission.script},
                    {"command", submission.command},
                    {"partition", submission.partition},
                    {"nodes", submission.nodes},
                    {"ranks", submission.ranks},
                    {"time_seconds", submission.seconds},
                    {"excluded", submission.excluded}}) +
         "\n";
}

std::optional<std::string> submitted_job(const fs::path& file) {
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;
  try {
    const nlohmann::json record = read_json_file(file, kKind, kLargestRecord);
    std::string job = json_field<std::string>(record, "job_id", file.string(), kKind);
    if (is_job_number(job)) return job;
    log::warn(file.string() + ": its job_id is no job's number, and is not looked at");
  } catch (const Error& problem) {
    log::warn(std::string(problem.what()) + "; it is not known whether that job is still queued");
  }
  return std::nullopt;
}

}  // namespace catamaran
