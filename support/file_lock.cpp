#include "support/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace catamaran {

LockState try_lock(const FileDescriptor& file, const std::filesystem::path& path, ErrorKind kind) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return LockState::kTaken;
  if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) return LockState::kNoLocks;
  if (errno == EWOULDBLOCK || errno == EINTR) return LockState::kHeld;
  throw Error(kind, with_errno("cannot lock", errno), path.string(),
              "choose a folder that you can write to");
}

bool is_still_at(const FileDescriptor& file, const std::filesystem::path& path) {
  const FileDescriptor opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat held {};
  struct stat there {};
  const int code = opened ? ::fstat(opened.get(), &there) : ::stat(path.c_str(), &there);
  return ::fstat(file.get(), &held) == 0 && code == 0 && held.st_ino == there.st_ino &&
         held.st_dev == there.st_dev;
}

}  // namespace catamaran
