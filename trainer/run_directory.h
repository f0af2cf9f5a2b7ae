// RunDirectory: the folder of a run on shared storage, owned by one job at a time through a lock on
// RUN/lock.
//
//   RunDirectory run(path);       // rank 0 only; creates it, proves that it can be written, locks
//   it
//   ... all that may refuse to start ...
//   run.keep();
//
// Destroyed without keep(), a start that failed leaves nothing: a folder that this start made is
// deleted with all that is in it; in one that was there before, only what the constructor made.
//
// The lock is flock's, released by the kernel when the process dies; a dying predecessor is waited
// for up to `patience_seconds`. RUN/lock names holder's host, process and start time. Errors:
// UsageError naming the holder, or the path and errno. One thread at a time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/file_descriptor.h"

namespace catamaran {

class RunDirectory {
 public:
  explicit RunDirectory(const std::filesystem::path& path, double patience_seconds = 15);
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  ~RunDirectory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  // A file in it that this start is about to make; one that is there already is not its own.
  std::filesystem::path will_make(const std::string& name);
  void keep() { made_.clear(); }

 private:
  void make_folder(const std::filesystem::path& folder);
  FileDescriptor take_lock(const std::filesystem::path& path, double patience_seconds);
  void remove_what_was_made() noexcept;

  std::filesystem::path path_;
  std::vector<std::filesystem::path> made_;  // by this start, in this order
  bool has_locks_ = true;
  FileDescriptor lock_;
};

}  // namespace catamaran
