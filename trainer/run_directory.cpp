#include "trainer/run_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>
#include <thread>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_lock.h"
#include "support/hash.h"
#include "support/lock_holder.h"
#include "support/log.h"
#include "support/normal_path.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& clause, int number, const fs::path& path) {
  throw UsageError(with_errno(clause, number), path.string(),
                   "choose a --run-dir that you can write to");
}

// Not of time and process: clocks jump, and containers share process numbers.
std::string new_start() {
  std::random_device random;
  return to_hex(uint64_t{random()} << 32 | random());
}

}  // namespace

// The same folder has one name, so that it can be told whether this start made it.
RunDirectory::RunDirectory(const fs::path& path, double patience_seconds, TakeOver take_over)
    : path_(normal_path(path)), start_(new_start()) {
  std::error_code code;
  if (fs::exists(path_ / "pack.json", code)) {
    throw UsageError("is a pack, and a run would write among its shards", path_.string(),
                     "choose another --run-dir");
  }
  try {
    const Stopwatch waiting;
    do {
      lock_ = take_lock(path_ / "lock", patience_seconds - waiting.seconds(), take_over);
    } while (!lock_.is_held_at(path_ / "lock"));
    if (lock_.file) beat_.emplace(lock_.file, HeartbeatLock::kBeatSeconds);
    folder_ = open_folder(path_);
    if (!folder_) refuse("cannot open the folder", errno, path_);
    if (lock_.heartbeat) {
      log::warn((path_ / "lock").string() +
                ": the file system has no locks (flock); the file and its heartbeat keep other "
                "jobs out of this run directory");
    }
    // Writing, syncing and renaming must work now, not at the first checkpoint.
    const fs::path trial = path_ / ".write-test";
    write_file_atomically(trial, "ok\n", ErrorKind::kUsage);
    std::error_code code;
    fs::remove(trial, code);
    make_folder(checkpoints());
    for (const fs::path& folder : {path_, checkpoints(), path_ / "eval"})
      remove_temporaries(leftovers_in(folder, lock_));
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

RunLock RunDirectory::take_lock(const fs::path& path, double patience_seconds, TakeOver take_over) {
  const Stopwatch waiting;
  for (bool said = false;; said = true) {
    make_folder(path.parent_path());  // a start that failed has deleted it
    RunLock lock = try_lock_run(path);
    if (lock.state == LockState::kTaken && lock.is_new) {
      made_.push_back(path);
      return lock;
    }
    made_.clear();  // another job has been here: what is there may be its own
    if (lock.state == LockState::kTaken) return lock;
    const std::string holder = holder_of_lock(path);
    if (take_over == TakeOver::kByForce && taken_from_.empty()) {
      taken_from_ = holder;
      log::warn(path.string() + ": taken by force from " + holder);
      ::unlink(path.c_str());  // its holder notices before it writes a checkpoint
      continue;
    }
    if (waiting.seconds() > patience_seconds) {
      throw UsageError("the run directory is in use by " + holder, path.parent_path().string(),
                       "wait until that job has ended, or choose another --run-dir; where it has "
                       "ended and cannot have let go, --force-lock takes it over");
    }
    if (!said)
      log::info(path.string() + ": waiting for " + holder + " to let go of the run directory");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// The lock first: that of another folder, which has just come to the place, is no loss of this
// one's.
RunHold RunDirectory::hold() const {
  const bool is_lost = lock_.is_lost_at(path_ / "lock");
  if (!is_still_at(folder_, path_)) return RunHold::kMoved;
  return is_lost ? RunHold::kTakenOver : RunHold::kHeld;
}

void RunDirectory::require_held() const {
  std::error_code code;
  switch (hold()) {
    case RunHold::kHeld:
      return;
    case RunHold::kMoved:
      throw WeightsError(
          fs::exists(path_, code)
              ? "the run directory has been moved away, and another one is in its place"
              : "the run directory has been moved away or deleted",
          path_.string(), "move it back; until then nothing is written there");
    case RunHold::kTakenOver:
      throw WeightsError(
          "another job has taken the run directory over: " + holder_of_lock(path_ / "lock"),
          path_.string(), "let one of the two end, or give it another --run-dir");
  }
}

void RunDirectory::remove_all_but_the_lock() noexcept {
  std::error_code code;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(path_, code), end; !code && at != end; at.increment(code))
    entries.push_back(at->path());
  for (const fs::path& entry : entries)
    if (entry.filename() != "lock") fs::remove_all(entry, code);
}

void RunDirectory::remove_what_was_made() noexcept {
  if (lock_.state != LockState::kTaken) return;     // then it is another job's
  if (folder_ && hold() != RunHold::kHeld) return;  // or has become one
  std::error_code code;
  if (std::find(made_.begin(), made_.end(), path_) != made_.end()) remove_all_but_the_lock();
  // The lock after what it guards, then the folders, which stay where another job has taken it.
  for (auto at = made_.rbegin(); at != made_.rend(); ++at) fs::remove(*at, code);
}

}  // namespace catamaran
