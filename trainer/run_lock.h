// RUN/lock: which job has a run directory. flock's lock on it says whether one has, its text which;
// where the file system has no flock, the file itself and its heartbeat (support/heartbeat_lock.h).
// Who looks at it from outside: support/lock_holder.h.
//
//   RunLock lock = try_lock_run(run / "lock");
//   if (lock.state == LockState::kHeld)
//     throw UsageError("... in use by " + holder_of_lock(run / "lock"), ...);
//   const RunLock lock = lock_idle_run(run, RunLockFile::kSign);   // work on a run that rests
//
// The lock goes with the object. Errors: UsageError naming the holder, or the path and errno.
// Thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "support/atomic_file.h"
#include "support/file_descriptor.h"
#include "support/file_lock.h"
#include "support/heartbeat_lock.h"

namespace catamaran {

struct RunLock {
  LockState state = LockState::kNoLocks;     // kNoLocks: nothing keeps another job out
  bool is_new = false;                       // there was no such file before
  FileDescriptor file;                       // flock's; none where there is a heartbeat
  std::unique_ptr<HeartbeatLock> heartbeat;  // where the file system has no flock

  bool is_held_at(const std::filesystem::path& path) const {
    return heartbeat ? heartbeat->is_held() : is_still_at(file, path);
  }
  // Another job has taken it. flock's file that is gone was deleted by somebody, and a new job
  // would make its own; one with a heartbeat goes with the job that took it over.
  bool is_lost_at(const std::filesystem::path& path) const {
    std::error_code code;
    return !is_held_at(path) && (heartbeat != nullptr || std::filesystem::exists(path, code));
  }
};
// Creates the file where there is none, and signs it where the lock is taken: kTaken or kHeld.
RunLock try_lock_run(const std::filesystem::path& path);

// What was being written in a folder of the run, and is not any more, seen by who has the lock:
// all with flock's, and with a heartbeat what has not changed for HeartbeatLock::kQuiet (others may
// be asking for the lock). Without a lock, the same by this host's clock.
std::vector<Temporary> leftovers_in(const std::filesystem::path& folder, const RunLock& lock);

enum class RunLockFile { kSign, kLeaveAsItIs };  // the latter writes nothing and makes nothing
RunLock lock_idle_run(const std::filesystem::path& run, RunLockFile what);

}  // namespace catamaran
