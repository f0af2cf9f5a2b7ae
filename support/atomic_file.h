// Files and folders that appear complete or not at all: temporary name beside the target, fsync,
// rename, fsync of the folder.
//
//   write_file_atomically(run_dir / "manifest.json", text);
//
//   AtomicFile file(path);                       // for large content
//   file.write(bytes, count);  ...  file.commit();
//   AtomicFile scores(path);                     // for a library that wants a name: it may open,
//   create_hdf5(scores.path());  scores.commit();  // not replace, the file at path()
//
//   require_writable_target(path);               // before long work whose result goes there
//
//   AtomicDirectory folder(out);                 // packs, checkpoints
//   ... write files under folder.path() ...
//   folder.commit();  // fsyncs each file in it, renames, fsyncs the parent
//   copy.commit(Durability::kUntilCrash);        // what is made again after a crash of the machine
//
// Folders above the target are made where they are missing, but not a folder that is itself a
// temporary, and none with Parents::kMustBeThere: what may have been moved away is not made again
// at its old place. Destroyed without commit, nothing is left behind. A leftover of a killed
// process is named
// ".TARGET.tmp.HOST.PID" (~HOST: a folder that was moved aside); remove_stale_temporaries deletes
// those of this host whose process is dead. Containers may share a host's name and not its process
// numbers: where they may write into one folder, hold a lock for each target and use
// remove_temporaries_of. Errors: Error of the kind given (default kData) with path and errno. One
// thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {

// kDurable: on the disk when commit() returns. kUntilCrash: whole for every process from then on,
// but perhaps damaged after a crash of the machine; no fsync.
enum class Durability { kDurable, kUntilCrash };

// What becomes of folders above a target that are missing. kMustBeThere: an error.
enum class Parents { kMake, kMustBeThere };

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target, ErrorKind kind = ErrorKind::kData,
                      Parents parents = Parents::kMake);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  const std::filesystem::path& path() const { return temporary_; }
  void write(const void* data, int64_t bytes);
  void commit(Durability durability = Durability::kDurable);

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  ErrorKind kind_;
  FileDescriptor file_;
};

void write_file_atomically(const std::filesystem::path& target, std::string_view content,
                           ErrorKind kind = ErrorKind::kData, Parents parents = Parents::kMake);

// An Error now where an AtomicFile of this target could not be made: it is a folder, or its parent
// cannot be made or written to.
void require_writable_target(const std::filesystem::path& target,
                             ErrorKind kind = ErrorKind::kData);

class AtomicDirectory {
 public:
  // Refuses a target that exists, unless replace is true: then commit moves the old one aside and
  // deletes it after the rename.
  explicit AtomicDirectory(const std::filesystem::path& target, bool replace = false,
                           ErrorKind kind = ErrorKind::kData);
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;
  ~AtomicDirectory();

  const std::filesystem::path& path() const { return temporary_; }
  // before_rename: called when all is on the disk, which takes its time; what it throws leaves the
  // target as it is.
  void commit(
      Durability durability = Durability::kDurable,
      const std::function<void()>& before_rename = [] {});
  // Leaves what is there where it is, for remove_stale_temporaries(): where a write to it hangs,
  // deleting it would hang, too.
  void abandon() { temporary_.clear(); }

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  bool replace_;
  ErrorKind kind_;
};

// Who may be writing in a folder: processes that live (of another host nobody knows), or none but
// the caller, who holds a lock on it.
enum class TemporaryOwner { kLivingProcess, kNobody };

// Of AtomicFile or AtomicDirectory: a leftover, or the work of a process that lives.
struct Temporary {
  std::filesystem::path path;
  std::filesystem::path target;
  std::string host;
  bool aside = false;  // the folder that was at the target, while another takes its place
  pid_t process = 0;
};
std::vector<Temporary> temporaries_in(const std::filesystem::path& folder);
// Those whose writer is gone: it ran on this host and is dead, or nobody else may write there.
std::vector<Temporary> stale_temporaries(const std::filesystem::path& folder,
                                         TemporaryOwner owner = TemporaryOwner::kLivingProcess);
// Those, and whatever nothing has been written to since that moment, whosever it is.
std::vector<Temporary> stale_temporaries(const std::filesystem::path& folder,
                                         std::filesystem::file_time_type since);
// Deletes them. A folder that was moved aside and had not been replaced yet goes back to its place.
void remove_temporaries(const std::vector<Temporary>& temporaries);
void remove_stale_temporaries(const std::filesystem::path& folder,
                              TemporaryOwner owner = TemporaryOwner::kLivingProcess);

// The targets of all temporaries in `folder`, whoever's they are, each once.
std::set<std::filesystem::path> targets_of_temporaries(const std::filesystem::path& folder);
// Deletes the temporaries of this target, whoever's they are: for the one who holds a lock on it.
void remove_temporaries_of(const std::filesystem::path& target);

// fsync of a file that another library has written.
void sync_file(const std::filesystem::path& path, ErrorKind kind = ErrorKind::kData);
// fsync of a folder, so that a rename in it is durable.
void sync_directory(const std::filesystem::path& folder, ErrorKind kind = ErrorKind::kData);

}  // namespace catamaran
