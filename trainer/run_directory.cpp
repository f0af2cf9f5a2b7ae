#include "trainer/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& clause, int number, const fs::path& path) {
  throw UsageError(with_errno(clause, number), path.string(),
                   "choose a --run-dir that you can write to");
}

std::string holder_of(const fs::path& lock) {
  FileDescriptor file(::open(lock.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size() - 1) : 0;
  std::string holder(text.data(), static_cast<size_t>(got > 0 ? got : 0));
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

// `locked` tells whether the file system has locks at all.
FileDescriptor take_lock(const fs::path& path, double patience_seconds, bool& locked) {
  FileDescriptor lock(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
  if (!lock) refuse("cannot create the lock", errno, path);
  const Stopwatch waiting;
  for (bool said = false; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; said = true) {
    if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) {
      log::warn(
          path.string() +
          ": the file system has no locks; make sure that no other job uses this run directory");
      locked = false;
      return lock;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) refuse("cannot lock", errno, path);
    if (waiting.seconds() > patience_seconds) {
      throw UsageError("the run directory is in use by " + holder_of(path),
                       path.parent_path().string(),
                       "wait until that job has ended, or choose another --run-dir");
    }
    if (!said)
      log::info(path.string() + ": waiting for " + holder_of(path) +
                " to let go of the run directory");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::array<char, 128> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string text = "host " + std::string(host.data()) + ", process " +
                           std::to_string(::getpid()) + ", since " +
                           std::to_string(static_cast<int64_t>(unix_seconds())) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), text.data(), text.size(), 0) < 0) {
    refuse("cannot write the lock", errno, path);
  }
  return lock;
}

}  // namespace

RunDirectory::RunDirectory(fs::path path, double patience_seconds) : path_(std::move(path)) {
  std::error_code code;
  fs::create_directories(path_, code);
  if (code) refuse("cannot create the run directory", code.value(), path_);
  bool locked = true;
  lock_ = take_lock(path_ / "lock", patience_seconds, locked);
  // Writing, syncing and renaming must work now, not at the first checkpoint.
  const fs::path trial = path_ / ".write-test";
  write_file_atomically(trial, "ok\n", ErrorKind::kUsage);
  fs::remove(trial, code);
  fs::create_directories(checkpoints(), code);
  if (code) refuse("cannot create the folder of checkpoints", code.value(), checkpoints());
  const TemporaryOwner owner = locked ? TemporaryOwner::kNobody : TemporaryOwner::kLivingProcess;
  remove_stale_temporaries(path_, owner);
  remove_stale_temporaries(checkpoints(), owner);
}

}  // namespace catamaran
