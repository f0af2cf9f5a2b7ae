// Advisory locks on files, so that two processes do not write into one folder.
//
//   FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
//   if (try_lock(file, path, ErrorKind::kUsage) == LockState::kHeld) ...
//   if (!is_still_at(file, path)) ...            // its holder deleted the file that was waited for
//
// The lock goes when the descriptor is closed or the process ends. Errors: Error of the kind given.
// Thread-safe.
#pragma once

#include <filesystem>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {

enum class LockState {
  kTaken,
  kHeld,     // by another process
  kNoLocks,  // the file system has none
};

LockState try_lock(const FileDescriptor& file, const std::filesystem::path& path, ErrorKind kind);
// The path is opened anew, so that a network file system asks its server; a mere stat it may answer
// of what it remembers.
bool is_still_at(const FileDescriptor& file, const std::filesystem::path& path);

}  // namespace catamaran
