#include "trainer/run_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_lock.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/normal_path.h"

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

void sign(const FileDescriptor& lock, const fs::path& path) {
  const std::string text = "host " + host_name() + ", process " + std::to_string(::getpid()) +
                           ", since " + utc_text(unix_seconds()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), text.data(), text.size(), 0) < 0) {
    refuse("cannot write the lock", errno, path);
  }
}

}  // namespace

// The same folder has one name, so that it can be told whether this start made it.
RunDirectory::RunDirectory(const fs::path& path, double patience_seconds)
    : path_(normal_path(path)) {
  try {
    const Stopwatch waiting;
    do {
      make_folder(path_);
      lock_ = take_lock(path_ / "lock", patience_seconds - waiting.seconds());
    } while (!is_still_at(lock_, path_ / "lock"));
    sign(lock_, path_ / "lock");
    // Writing, syncing and renaming must work now, not at the first checkpoint.
    const fs::path trial = path_ / ".write-test";
    write_file_atomically(trial, "ok\n", ErrorKind::kUsage);
    std::error_code code;
    fs::remove(trial, code);
    make_folder(checkpoints());
    const TemporaryOwner owner =
        has_locks_ ? TemporaryOwner::kNobody : TemporaryOwner::kLivingProcess;
    remove_stale_temporaries(path_, owner);
    remove_stale_temporaries(checkpoints(), owner);
  } catch (...) {
    remove_what_was_made();
    throw;
  }
}

RunDirectory::~RunDirectory() { remove_what_was_made(); }

void RunDirectory::make_folder(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(folder.parent_path(), code)) make_folder(folder.parent_path());
  if (fs::create_directory(folder, code)) made_.push_back(folder);
  if (code) refuse("cannot create the folder", code.value(), folder);
}

fs::path RunDirectory::will_make(const std::string& name) {
  std::error_code code;
  fs::path file = path_ / name;
  if (!fs::exists(file, code)) made_.push_back(file);
  return file;
}

FileDescriptor RunDirectory::take_lock(const fs::path& path, double patience_seconds) {
  constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
  bool alone = static_cast<bool>(lock);
  if (alone) made_.push_back(path);
  if (!alone) lock = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
  if (!lock) refuse("cannot create the lock", errno, path);
  const Stopwatch waiting;
  LockState state = try_lock(lock, path, ErrorKind::kUsage);
  for (bool said = false; state == LockState::kHeld; said = true) {
    alone = false;
    if (waiting.seconds() > patience_seconds) {
      throw UsageError("the run directory is in use by " + holder_of(path),
                       path.parent_path().string(),
                       "wait until that job has ended, or choose another --run-dir");
    }
    if (!said)
      log::info(path.string() + ": waiting for " + holder_of(path) +
                " to let go of the run directory");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    state = try_lock(lock, path, ErrorKind::kUsage);
  }
  if (state == LockState::kNoLocks) {
    has_locks_ = false;
    log::warn(
        path.string() +
        ": the file system has no locks; make sure that no other job uses this run directory");
  }
  if (!alone) made_.clear();  // another job has been here meanwhile: what is there may be its own
  return lock;
}

void RunDirectory::remove_what_was_made() noexcept {
  if (!lock_) return;  // then it is another job's
  std::error_code code;
  if (std::find(made_.begin(), made_.end(), path_) != made_.end()) fs::remove_all(path_, code);
  for (auto at = made_.rbegin(); at != made_.rend(); ++at) fs::remove(*at, code);
}

}  // namespace catamaran
