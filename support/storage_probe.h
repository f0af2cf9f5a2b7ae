// Whether a folder's file system does what a run directory needs: files and folders can be made and
// renamed over others, flock keeps others out, fsync comes back soon, there is room; and what to
// say of it.
//
//   const StorageFacts facts = probe_storage("runs/cat-1");   // works in runs/, if that is missing
//   for (const Finding& finding : judge_storage(facts)) ...
//
// Works in a folder of its own, .doctor.tmp.HOST.PROCESS, and takes it away again: what a killed
// process leaves is a temporary of support/atomic_file.h. Nothing else is touched. Blocks as long
// as the storage does (support/bounded_call.h); O_TMPFILE and links are not needed, so not tried.
// judge_storage is a pure function. Thread-safe, one a folder at a time.
// Source: proc(5) for mountinfo, flock(2), rename(2), fsync(2).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/finding.h"

namespace catamaran {

// The mount that a path lies on: the longest mount point above it, the newest of equal ones.
struct Mount {
  std::string type;     // "ext4", "nfs4", "lustre", "fuse.sshfs"; empty: not known
  std::string options;  // of mount and file system: "rw,relatime,rw,localflock"
  std::string point;

  bool has_option(const std::string& name) const;
};
// path: absolute, without links.
Mount mount_of(const std::filesystem::path& path,
               const std::filesystem::path& mountinfo = "/proc/self/mountinfo");
// Of those that several machines mount.
bool is_shared_type(const std::string& type);

enum class LockKind {
  kExclusive,
  kNone,          // the file system has no flock
  kNotExclusive,  // two at once: flock says yes to everybody
};

struct StorageFacts {
  std::filesystem::path folder;  // where it was tried: the one asked for, or the nearest above it
  Mount mount;
  std::string problem;  // why nothing can be made there; what follows is not known then
  LockKind locks = LockKind::kExclusive;
  std::string rename_problem;  // empty: renaming takes the other's place
  double sync_seconds = 0;     // of a MiB and its folder, median of kSyncs
  int64_t free_bytes = 0;
  int64_t free_files = -1;  // -1: the file system does not count them
};
constexpr int kSyncs = 3;
StorageFacts probe_storage(const std::filesystem::path& folder);

std::vector<Finding> judge_storage(const StorageFacts& facts);

// The path itself, or the nearest folder above it that is there.
std::filesystem::path nearest_existing(const std::filesystem::path& path);

}  // namespace catamaran
