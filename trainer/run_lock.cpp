#include "trainer/run_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "support/error.h"
#include "support/lock_holder.h"
#include "support/log.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_lock(const std::string& clause, int number, const fs::path& path) {
  throw UsageError(with_errno(clause, number), path.string(),
                   "choose a --run-dir that you can write to");
}

void sign(const FileDescriptor& lock, const fs::path& path) {
  const std::string text = lock_signature();
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), text.data(), text.size(), 0) < 0)
    refuse_lock("cannot write the lock", errno, path);
}

// Of the one that is there; nothing is made or written. Where there is none, nobody has the run.
RunLock lock_as_it_is(const fs::path& path) {
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
  lock.heartbeat =
      HeartbeatLock::try_take(path, lock_signature(), is_dead_holder, ErrorKind::kUsage);
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
    lock = what == RunLockFile::kSign ? try_lock_run(path) : lock_as_it_is(path);
    if (lock.state == LockState::kHeld) {
      throw UsageError("the run directory is in use by " + holder_of_lock(path), run.string(),
                       "wait until that job has ended");
    }
  } while (lock.file && !lock.is_held_at(path));
  if (lock.file && lock.state == LockState::kNoLocks)
    log::warn(path.string() + ": the file system has no locks; make sure that no job is using " +
              run.string());
  return lock;
}

}  // namespace catamaran
