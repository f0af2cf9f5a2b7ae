#include "support/storage_probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/file_lock.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kSyncBytes = kMiB;
constexpr int64_t kLittleRoom = 1024 * kMiB;
constexpr int64_t kTooLittleRoom = 64 * kMiB;  // no checkpoint fits
constexpr double kSlowSync = 2;                // seconds
constexpr const char* kTopic = "run-directory";

// mountinfo writes a space as \040, and so on.
std::string without_escapes(const std::string& field) {
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    const std::string digits = field.substr(i + 1, 3);
    if (field[i] == '\\' && digits.size() == 3 &&
        digits.find_first_not_of("01234567") == std::string::npos) {
      text += static_cast<char>(std::stoi(digits, nullptr, 8));
      i += 3;
    } else {
      text += field[i];
    }
  }
  return text;
}

bool lies_under(const std::string& path, const std::string& point) {
  if (point == "/") return true;
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

// "36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue": any number of
// fields before the lone dash.
Mount parse_mount(const std::string& line) {
  std::istringstream in(line);
  const std::vector<std::string> fields{std::istream_iterator<std::string>(in), {}};
  const auto dash = std::ranges::find(fields, "-");
  if (fields.size() < 6 || fields.end() - dash < 2) return {};
  Mount mount{.type = dash[1], .options = fields[5], .point = without_escapes(fields[4])};
  if (fields.end() - dash > 3) mount.options += "," + dash[3];
  return mount;
}

LockKind lock_kind(const fs::path& folder) {
  const fs::path path = folder / "lock";
  const auto open = [&path] {
    FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
    if (!file)
      throw UsageError(with_errno("cannot create a file", errno), path.string(),
                       "check the path and its permissions");
    return file;
  };
  const FileDescriptor one = open();
  const FileDescriptor other = open();
  if (try_lock(one, path, kKind) == LockState::kNoLocks) return LockKind::kNone;
  switch (try_lock(other, path, kKind)) {
    case LockState::kHeld:
      return LockKind::kExclusive;
    case LockState::kNoLocks:
      return LockKind::kNone;
    case LockState::kTaken:
      break;
  }
  return LockKind::kNotExclusive;
}

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string rename_problem(const fs::path& folder) {
  const fs::path target = folder / "target";
  const fs::path newer = folder / "newer";
  write_file_atomically(target, "old", kKind, Parents::kMustBeThere);
  write_file_atomically(newer, "new", kKind, Parents::kMustBeThere);
  if (std::rename(newer.c_str(), target.c_str()) != 0)
    return with_errno("a file cannot be renamed over another", errno);
  std::error_code code;
  if (content_of(target) != "new" || fs::exists(newer, code))
    return "a file that was renamed over another has not taken its place";
  const fs::path before = folder / "before";
  const fs::path after = folder / "after";
  fs::create_directory(before, code);
  write_file_atomically(before / "file", "in it", kKind, Parents::kMustBeThere);
  if (std::rename(before.c_str(), after.c_str()) != 0)
    return with_errno("a folder cannot be renamed", errno);
  if (content_of(after / "file") != "in it") return "a folder that was renamed is not whole";
  return "";
}

double median_sync_seconds(const fs::path& folder) {
  const std::string data(static_cast<size_t>(kSyncBytes), 'x');
  std::array<double, kSyncs> seconds{};
  for (double& one : seconds) {
    const Stopwatch watch;
    write_file_atomically(folder / "synced", data, kKind, Parents::kMustBeThere);
    one = watch.seconds();
  }
  std::ranges::sort(seconds);
  return seconds[kSyncs / 2];
}

void measure_room(StorageFacts& facts) {
  struct statvfs space {};
  if (::statvfs(facts.folder.c_str(), &space) != 0) {
    facts.problem = with_errno("cannot ask for the room there", errno);
    return;
  }
  facts.free_bytes = static_cast<int64_t>(space.f_bavail) * static_cast<int64_t>(space.f_frsize);
  if (space.f_files > 0) facts.free_files = static_cast<int64_t>(space.f_favail);
}

Finding judge_locks(const StorageFacts& facts) {
  const std::string topic = "file-locks";
  if (facts.locks == LockKind::kNone)
    return note(topic,
                "the file system (" + facts.mount.type +
                    ") has no flock: a run's lock is a file with a heartbeat, which a job that was "
                    "killed leaves behind for 12 s");
  if (facts.locks == LockKind::kNotExclusive)
    return warning(topic, "flock gives one lock to two at once (" + facts.mount.type + ")",
                   "never start two jobs on one run directory: nothing would keep them apart");
  if (facts.mount.has_option("localflock"))
    return warning(topic, "flock works within one node alone (mount option localflock)",
                   "mount it with `flock`, or never start two jobs on one run directory");
  return fine(topic, "flock keeps others out");
}

Finding judge_sync(const StorageFacts& facts) {
  const std::string what =
      text("a MiB is on the disk %.3f s after it was written", facts.sync_seconds);
  if (facts.sync_seconds <= kSlowSync) return fine("file-sync", what);
  return warning("file-sync", what,
                 "have the storage looked at: each checkpoint waits for it, several times");
}

Finding judge_room(const StorageFacts& facts) {
  const std::string topic = "file-room";
  const std::string advice = "make room, or name a run directory elsewhere";
  if (facts.free_files == 0) return failure(topic, "no file can be added (no free inodes)", advice);
  const std::string what =
      text("%.1f GiB are free in %s",
           static_cast<double>(facts.free_bytes) / static_cast<double>(1024 * kMiB),
           facts.folder.c_str());
  if (facts.free_bytes < kTooLittleRoom)
    return failure(topic, what + ", less than one checkpoint takes", advice);
  if (facts.free_bytes < kLittleRoom) return warning(topic, what, advice);
  return fine(topic, what);
}

}  // namespace

bool Mount::has_option(const std::string& name) const {
  return ("," + options + ",").find("," + name + ",") != std::string::npos;
}

Mount mount_of(const fs::path& path, const fs::path& mountinfo) {
  Mount found;
  std::ifstream in(mountinfo);
  for (std::string line; std::getline(in, line);) {
    Mount mount = parse_mount(line);
    if (mount.type.empty() || !lies_under(path.string(), mount.point)) continue;
    if (found.type.empty() || mount.point.size() >= found.point.size()) found = std::move(mount);
  }
  return found;
}

bool is_shared_type(const std::string& type) {
  static constexpr std::array<std::string_view, 16> kTypes = {
      "nfs",  "nfs4", "lustre", "gpfs", "beegfs", "fhgfs", "ceph",  "panfs",
      "cifs", "smb3", "afs",    "9p",   "wekafs", "gfs2",  "ocfs2", "pvfs2"};
  return std::ranges::find(kTypes, type) != kTypes.end() || type.starts_with("fuse.");
}

fs::path nearest_existing(const fs::path& path) {
  std::error_code code;
  fs::path at = fs::absolute(path, code).lexically_normal();
  if (!at.has_filename()) at = at.parent_path();
  while (!fs::exists(at, code) && at.has_relative_path()) at = at.parent_path();
  const fs::path real = fs::canonical(at, code);
  return code ? at : real;
}

StorageFacts probe_storage(const fs::path& folder) {
  StorageFacts facts;
  facts.folder = nearest_existing(folder);
  facts.mount = mount_of(facts.folder);
  measure_room(facts);
  if (!facts.problem.empty()) return facts;
  try {
    const AtomicDirectory scratch(facts.folder / "doctor", /*replace=*/true, kKind);
    facts.locks = lock_kind(scratch.path());
    facts.rename_problem = rename_problem(scratch.path());
    facts.sync_seconds = median_sync_seconds(scratch.path());
  } catch (const Error& problem) {
    facts.problem = problem.what();
  }
  return facts;
}

std::vector<Finding> judge_storage(const StorageFacts& facts) {
  if (!facts.problem.empty())
    return {failure(kTopic, facts.problem,
                    "name a run directory (--run-dir) on storage that this user may write to")};
  std::vector<Finding> findings;
  const std::string type = facts.mount.type.empty() ? "an unknown kind" : facts.mount.type;
  if (type == "tmpfs" || type == "ramfs") {
    findings.push_back(warning(kTopic, "the run directory lies in memory (" + type + ")",
                               "name one on a disk: this one is gone with the machine"));
  } else {
    const std::string reach = is_shared_type(type) ? "" : ", of this node alone as it seems";
    findings.push_back(
        fine(kTopic, facts.folder.string() + " can be written to, file system " + type + reach));
  }
  findings.push_back(judge_locks(facts));
  if (!facts.rename_problem.empty())
    findings.push_back(failure("file-rename", facts.rename_problem,
                               "keep runs elsewhere: no checkpoint would be safe there"));
  findings.push_back(judge_sync(facts));
  findings.push_back(judge_room(facts));
  return findings;
}

}  // namespace catamaran
