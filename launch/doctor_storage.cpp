#include "launch/doctor_storage.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include "support/clock.h"
#include "support/error.h"
#include "support/file_lock.h"
#include "support/json.h"
#include "support/storage_probe.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr const char* kTopic = "run-directory-everywhere";
constexpr const char* kContent = "content";
constexpr const char* kLock = "lock";
constexpr double kLate = 1;  // seconds

std::string random_text() {
  std::random_device random;
  return text("%08x%08x%08x%08x", random(), random(), random(), random());
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// nullopt: it does not appear.
std::optional<double> seconds_until_seen(const fs::path& path, const std::string& content,
                                         double most) {
  const Stopwatch watch;
  while (content_of(path) != content) {
    if (watch.seconds() > most) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return watch.seconds();
}

Finding judge_lock(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file)
    return failure(kTopic, with_errno("a file that rank 0 made cannot be opened to write", errno),
                   "give all nodes the same user and rights there");
  if (try_lock(file, path, kKind) == LockState::kHeld)
    return fine("lock-everywhere", "a lock of rank 0 keeps this rank out");
  return warning("lock-everywhere", "a lock of rank 0 does not keep this rank out",
                 "mount the storage so that flock works between nodes (Lustre: `flock`, not "
                 "`localflock`; NFS: not `local_lock=flock`), or never start two jobs on one run "
                 "directory");
}

}  // namespace

SharedProbe::SharedProbe(const fs::path& run_dir)
    : folder_(nearest_existing(run_dir) / "doctor-shared", /*replace=*/true, kKind),
      content_(random_text()) {
  write_file_atomically(folder_.path() / kContent, content_, kKind, Parents::kMustBeThere);
  const fs::path path = folder_.path() / kLock;
  lock_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
  if (!lock_)
    throw UsageError(with_errno("cannot create a file", errno), path.string(),
                     "check the path and its permissions");
  has_locks_ = try_lock(lock_, path, kKind) == LockState::kTaken;
}

std::string SharedProbe::ticket() const {
  return json_text(
      {{"folder", folder_.path().string()}, {"content", content_}, {"has_locks", has_locks_}}, -1);
}

std::vector<Finding> look_for(const std::string& ticket, double most) {
  const nlohmann::json told = parse_json(ticket, kTopic, kKind);
  const fs::path folder = json_field<std::string>(told, "folder", kTopic, kKind);
  const std::optional<double> seconds = seconds_until_seen(
      folder / kContent, json_field<std::string>(told, "content", kTopic, kKind));
  if (!seconds)
    return {failure(kTopic,
                    text("what rank 0 writes to %s is not here after %.0f s",
                         folder.parent_path().c_str(), most),
                    "name a run directory on storage that all nodes share, by the same path")};
  std::vector<Finding> findings;
  if (*seconds > kLate) {
    findings.push_back(note(kTopic, text("what rank 0 writes is seen here after %.1f s (NFS "
                                         "remembers what was not there)",
                                         *seconds)));
  } else {
    findings.push_back(fine(kTopic, text("what rank 0 writes is here at once (%.2f s)", *seconds)));
  }
  if (json_field<bool>(told, "has_locks", kTopic, kKind))
    findings.push_back(judge_lock(folder / kLock));
  return findings;
}

}  // namespace catamaran
