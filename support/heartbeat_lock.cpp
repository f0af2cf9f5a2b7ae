#include "support/heartbeat_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "support/atomic_file.h"
#include "support/file_beginning.h"
#include "support/file_lock.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestText = 256;  // bytes
static_assert(std::chrono::duration<double>(HeartbeatLock::kQuiet).count() ==
              (HeartbeatLock::kMissedBeats - 1) * HeartbeatLock::kBeatSeconds);

double seconds_of_change(const struct stat& status) {
  return static_cast<double>(status.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
}

// While it is held open, no other file gets the same number.
struct OpenedFile {
  FileDescriptor file;
  struct stat status {};
};

// Opened anew, so that a network file system asks its server. None where there is no file.
std::optional<OpenedFile> open_anew(const fs::path& path) {
  OpenedFile opened{.file = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC))};
  if (!opened.file || ::fstat(opened.file.get(), &opened.status) != 0) return std::nullopt;
  return opened;
}

bool has_same_beat(const struct stat& a, const struct stat& b) {
  return a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Of a name that no other process has, whatever its host is called.
AtomicFile file_beside(const fs::path& lock, ErrorKind kind) {
  std::random_device random;
  return AtomicFile(lock.string() + text("-%08x%08x", random(), random()), kind);
}

// By the clock of the file system.
double now_by(AtomicFile& probe, ErrorKind kind) {
  probe.write("now", 3);
  struct stat status {};
  if (::stat(probe.path().c_str(), &status) != 0)
    throw Error(kind, with_errno("cannot ask for its time", errno), probe.path().string(),
                "check the path and its permissions");
  return seconds_of_change(status);
}

// Never in place of a file that has come there meanwhile: its owner would not be told.
void put_back(const fs::path& from, const fs::path& path) {
  if (::link(from.c_str(), path.c_str()) == 0 || errno == EEXIST) return;
  std::rename(from.c_str(), path.c_str());  // a file system without links
}

// The lock was stale, and is gone by this call.
bool removed_stale(const fs::path& path, const HeartbeatLock::IsDead& is_dead, ErrorKind kind,
                   double beat_seconds) {
  const std::optional<OpenedFile> found = open_anew(path);
  if (!found) return false;  // gone meanwhile: the next try
  const double beats = is_dead(beginning_of(found->file, kLongestText))
                           ? HeartbeatLock::kMissedBeatsOfDead
                           : HeartbeatLock::kMissedBeats;
  AtomicFile beside = file_beside(path, kind);
  if (now_by(beside, kind) - seconds_of_change(found->status) <= beats * beat_seconds) return false;
  // In place of the file beside it, and gone with that.
  if (std::rename(path.c_str(), beside.path().c_str()) != 0) return false;  // another was quicker
  const std::optional<OpenedFile> moved = open_anew(beside.path());
  if (moved && is_still_at(found->file, beside.path()) &&
      has_same_beat(moved->status, found->status))
    return true;
  put_back(beside.path(), path);
  return false;
}

// None where there is one already.
FileDescriptor create(const fs::path& path, const std::string& text, ErrorKind kind) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kNewFile));
  if (!file && errno == EEXIST) return file;
  if (!file || !write_all(file, text.data(), static_cast<int64_t>(text.size()))) {
    const int number = errno;
    if (file) ::unlink(path.c_str());  // one without a text would be nobody's
    throw Error(kind, with_errno("cannot create the lock", number), path.string(),
                "choose a folder that you can write to");
  }
  return file;
}

}  // namespace

std::unique_ptr<HeartbeatLock> HeartbeatLock::try_take(const fs::path& path,
                                                       const std::string& text,
                                                       const IsDead& is_dead, ErrorKind kind,
                                                       double beat_seconds) {
  FileDescriptor file = create(path, text, kind);
  if (!file && removed_stale(path, is_dead, kind, beat_seconds)) file = create(path, text, kind);
  if (!file) return nullptr;  // another one's, who may have been quicker by a moment
  std::unique_ptr<HeartbeatLock> lock(new HeartbeatLock(path, std::move(file), beat_seconds));
  for (int look = 0; look < kLooks; ++look) {
    std::this_thread::sleep_for(std::chrono::duration<double>(kSettleSeconds));
    if (lock->is_held()) return lock;
    if (open_anew(path)) return nullptr;
  }
  return nullptr;
}

HeartbeatLock::HeartbeatLock(fs::path path, FileDescriptor file, double beat_seconds)
    : path_(std::move(path)), file_(std::move(file)) {
  beat_.emplace(file_, beat_seconds);
}

HeartbeatLock::~HeartbeatLock() {
  beat_.reset();
  if (is_held()) ::unlink(path_.c_str());
}

bool HeartbeatLock::is_held() const { return is_still_at(file_, path_); }

fs::file_time_type HeartbeatLock::quiet_since(ErrorKind kind) const {
  AtomicFile beside = file_beside(path_, kind);
  beside.write("now", 3);
  std::error_code code;
  const fs::file_time_type now = fs::last_write_time(beside.path(), code);
  if (code) {
    throw Error(kind, with_errno("cannot ask for its time", code.value()), beside.path().string(),
                "check the path and its permissions");
  }
  return now - kQuiet;
}

}  // namespace catamaran
