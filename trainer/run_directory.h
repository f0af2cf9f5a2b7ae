// RunDirectory: the folder of a run on shared storage, owned by one job at a time through a lock on
// RUN/lock.
//
//   RunDirectory run(path);                        // rank 0 only; creates it, proves that it can
//   be written, takes the lock write_file_atomically(run.path() / "config.toml", text);
//
// The lock is flock's, released by the kernel when the process dies; a dying predecessor is waited
// for up to `patience_seconds`. RUN/lock names holder's host, process and start time. Errors:
// UsageError naming the holder, or the path and errno. One thread at a time.
#pragma once

#include <filesystem>
#include <string>

#include "support/file_descriptor.h"

namespace catamaran {

class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path path, double patience_seconds = 15);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

 private:
  std::filesystem::path path_;
  FileDescriptor lock_;
};

}  // namespace catamaran
