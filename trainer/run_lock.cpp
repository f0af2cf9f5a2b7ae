#include "trainer/run_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>

#include "support/clock.h"
#include "support/error.h"
#include "support/file_beginning.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/process_state.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_lock(const std::string& clause, int number, const fs::path& path) {
  throw UsageError(with_errno(clause, number), path.string(),
                   "choose a --run-dir that you can write to");
}

std::string signature() {
  return "host " + host_name() + ", process " + std::to_string(::getpid()) + ", since " +
         utc_text(unix_seconds()) + "\n";
}

void sign(const FileDescriptor& lock, const fs::path& path) {
  const std::string text = signature();
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), text.data(), text.size(), 0) < 0)
    refuse_lock("cannot write the lock", errno, path);
}

// Of the one that is there; nothing is made or written. Where there is none, nobody has the run.
RunLock look_at_lock(const fs::path& path) {
  RunLock lock;
  lock.file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!lock.file && errno == ENOENT) {
    lock.state = LockState::kTaken;
    return lock;
  }
  if (!lock.file) refuse_lock("cannot open the lock", errno, path);
  lock.state = try_lock(lock.file, path, ErrorKind::kUsage);
  return lock;
}

}  // namespace

std::string holder_of_run(const fs::path& lock) {
  const FileDescriptor file(::open(lock.c_str(), O_RDONLY | O_CLOEXEC));
  std::string holder = beginning_of(file, 255);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

bool is_dead_holder(const std::string& text) {
  const std::string begin = "host " + host_name() + ", process ";
  if (!text.starts_with(begin)) return false;
  int64_t process = 0;
  const auto [end, code] =
      std::from_chars(text.data() + begin.size(), text.data() + text.size(), process);
  return code == std::errc() && process > 0 && process_state(process) == ProcessState::kGone;
}

RunLock try_lock_run(const fs::path& path) {
  RunLock lock;
  lock.file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kNewFile));
  lock.is_new = static_cast<bool>(lock.file);
  if (!lock.is_new)
    lock.file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
  if (!lock.file && errno != ENOENT) refuse_lock("cannot create the lock", errno, path);
  lock.state = LockState::kHeld;
  if (!lock.file) return lock;  // a job that fails to start is deleting the folder
  lock.state = try_lock(lock.file, path, ErrorKind::kUsage);
  if (lock.state == LockState::kTaken) sign(lock.file, path);
  if (lock.state != LockState::kNoLocks) return lock;
  if (lock.is_new) ::unlink(path.c_str());  // it shall be made with its text
  lock.file.reset();
  lock.heartbeat = HeartbeatLock::try_take(path, signature(), is_dead_holder, ErrorKind::kUsage);
  lock.state = lock.heartbeat ? LockState::kTaken : LockState::kHeld;
  return lock;
}

std::vector<Temporary> leftovers_in(const fs::path& folder, const RunLock& lock) {
  if (lock.state == LockState::kTaken && !lock.heartbeat)
    return stale_temporaries(folder, TemporaryOwner::kNobody);
  return stale_temporaries(folder, lock.heartbeat
                                       ? lock.heartbeat->quiet_since(ErrorKind::kUsage)
                                       : fs::file_time_type::clock::now() - HeartbeatLock::kQuiet);
}

RunLock lock_idle_run(const fs::path& run, RunLockFile what) {
  const fs::path path = run / "lock";
  RunLock lock;
  do {  // a start that failed deletes its lock
    lock = what == RunLockFile::kSign ? try_lock_run(path) : look_at_lock(path);
    if (lock.state == LockState::kHeld) {
      throw UsageError("the run directory is in use by " + holder_of_run(path), run.string(),
                       "wait until that job has ended");
    }
  } while (lock.file && !lock.is_held_at(path));
  if (lock.file && lock.state == LockState::kNoLocks)
    log::warn(path.string() + ": the file system has no locks; make sure that no job is using " +
              run.string());
  return lock;
}

}  // namespace catamaran
