// RunDirectory: the folder of a run on shared storage, owned by one job at a time through a lock on
// RUN/lock.
//
//   RunDirectory run(path);  // rank 0 only; creates it, proves that it can be written, locks it
//   ... all that may refuse to start ...
//   run.keep();
//   ... before whatever is written or deleted later ...
//   run.require_held();
//
// Destroyed without keep(), a start that failed leaves nothing: a folder that this start made is
// deleted with all that is in it; in one that was there before, only what the constructor made.
// Where the folder was moved away or taken over meanwhile, nothing is deleted.
//
// The lock is flock's, released by the kernel when the process dies, or, on a file system without
// flock, a file with a heartbeat; a dying predecessor is waited for up to `patience_seconds`, or,
// with TakeOver::kByForce, not at all: what it holds is taken from it. RUN/lock names holder's
// host, process and start time, and its time of change is renewed every few seconds. Errors:
// UsageError naming the holder, or the path and errno. One thread at a time; thread-safe: hold,
// require_held.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/file_beat.h"
#include "support/file_descriptor.h"
#include "trainer/run_lock.h"

namespace catamaran {

enum class TakeOver { kOfTheDead, kByForce };

// Whether the folder at the path is still a job's own.
enum class RunHold {
  kHeld,
  kMoved,      // it was moved away or deleted; files that are open in it are still this job's
  kTakenOver,  // by another job, which has its lock
};

class RunDirectory {
 public:
  explicit RunDirectory(const std::filesystem::path& path, double patience_seconds = 15,
                        TakeOver take_over = TakeOver::kOfTheDead);
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  ~RunDirectory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  // A file in it that this start is about to make; one that is there already is not its own.
  std::filesystem::path will_make(const std::string& name);
  void keep() { made_.clear(); }

  // Names this start of the run among all: 16 hexadecimal digits.
  const std::string& start() const { return start_; }
  RunHold hold() const;
  // WeightsError where it is not held: nothing may be written or deleted there.
  void require_held() const;
  // Whom the lock was taken from by force: its text; empty: from nobody.
  const std::string& taken_from() const { return taken_from_; }

 private:
  void make_folder(const std::filesystem::path& folder);
  RunLock take_lock(const std::filesystem::path& path, double patience_seconds, TakeOver take_over);
  void remove_all_but_the_lock() noexcept;
  void remove_what_was_made() noexcept;

  std::filesystem::path path_;
  std::string start_;
  std::vector<std::filesystem::path> made_;  // by this start, in this order
  std::string taken_from_;
  FileDescriptor folder_;  // of path_
  RunLock lock_;
  std::optional<FileBeat> beat_;  // of flock's file, for those who cannot see the lock
};

}  // namespace catamaran
