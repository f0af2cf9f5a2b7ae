#include "support/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <utility>
#include <vector>

#include "support/host_name.h"

namespace catamaran {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMarker = ".tmp.";
constexpr std::string_view kAside = "~";  // in front of the host; no host's name has it

std::string temporary_suffix(int64_t process, std::string_view mark = "") {
  return std::string(kMarker) + std::string(mark) + host_name() + "." + std::to_string(process);
}

fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

fs::path temporary_beside(const fs::path& target) {
  return target.parent_path() / ("." + target.filename().string() + temporary_suffix(::getpid()));
}

fs::path folder_of(const fs::path& target) {
  const fs::path parent = target.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

[[noreturn]] void fail(ErrorKind kind, const std::string& clause, const fs::path& path) {
  const int number = errno;
  const char* hint = number == ENOSPC || number == EDQUOT ? "free some space there and try again"
                                                          : "check the path and its permissions";
  throw Error(kind, with_errno(clause, number), path.string(), hint);
}

// The folder of an AtomicDirectory: where it is gone, it was moved or deleted by somebody else, and
// one that is made in its place would never be committed.
bool is_temporary(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name.starts_with('.') && name.find(kMarker) != std::string::npos;
}

void create_parents(const fs::path& target, ErrorKind kind) {
  if (is_temporary(folder_of(target))) return;
  std::error_code code;
  fs::create_directories(folder_of(target), code);
  if (code) {
    errno = code.value();
    fail(kind, "cannot create the folder", folder_of(target));
  }
}

// A process that dies between the two renames of a replacement leaves the old folder aside and
// nothing in its place: then the old one goes back.
bool went_back(const Temporary& temporary) {
  std::error_code code;
  if (!temporary.aside || fs::exists(fs::symlink_status(temporary.target, code))) return false;
  fs::rename(temporary.path, temporary.target, code);
  return !code;
}

bool is_of_the_dead(const Temporary& temporary) {
  return temporary.host == host_name() && ::kill(temporary.process, 0) != 0 && errno == ESRCH;
}

// Of a file, or of a folder and all that is in it.
fs::file_time_type newest_change(const fs::path& path) {
  std::error_code code;
  fs::file_time_type newest = fs::last_write_time(path, code);
  for (auto at = fs::recursive_directory_iterator(path, code);
       !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
    std::error_code gone;
    newest = std::max(newest, fs::last_write_time(at->path(), gone));
  }
  return newest;
}

void sync_tree(const fs::path& folder, ErrorKind kind) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) sync_file(entry.path(), kind);
    if (entry.is_directory()) sync_directory(entry.path(), kind);
  }
  sync_directory(folder, kind);
}

}  // namespace

void sync_file(const fs::path& path, ErrorKind kind) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) fail(kind, "cannot make the file durable (fsync)", path);
}

void sync_directory(const fs::path& folder, ErrorKind kind) {
  FileDescriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle) fail(kind, "cannot open the folder", folder);
  // Some network file systems refuse fsync of a folder; the rename is as durable there as it can
  // be.
  if (::fsync(handle.get()) != 0 && errno != EINVAL) fail(kind, "cannot sync the folder", folder);
}

AtomicFile::AtomicFile(fs::path target, ErrorKind kind, Parents parents)
    : target_(std::move(target)), temporary_(temporary_beside(target_)), kind_(kind) {
  std::error_code code;
  if (target_.empty()) throw Error(kind_, "no file to write is named", "output", "give its path");
  if (!target_.has_filename() || fs::is_directory(target_, code))
    throw Error(kind_, "is a folder, not a file", target_.string(), "name a file in it");
  // Renaming over a device node would replace the node itself.
  if (fs::exists(target_, code) && !fs::is_regular_file(target_, code))
    throw Error(kind_, "is a device, pipe or socket, not a file", target_.string(),
                "name a file that does not exist, or a regular one");
  if (parents == Parents::kMake) create_parents(target_, kind_);
  file_ = FileDescriptor(
      ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kNewFile));
  if (!file_) fail(kind_, "cannot create the file", temporary_);
}

AtomicFile::~AtomicFile() {
  if (!file_) return;
  file_.reset();
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, int64_t bytes) {
  if (!write_all(file_, data, bytes)) fail(kind_, "cannot write", target_);
}

void AtomicFile::commit(Durability durability) {
  const bool durable = durability == Durability::kDurable;
  if (durable && ::fsync(file_.get()) != 0)
    fail(kind_, "cannot make the file durable (fsync)", target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    fail(kind_, "cannot rename into place", target_);
  file_.reset();
  if (durable) sync_directory(folder_of(target_), kind_);
}

void write_file_atomically(const fs::path& target, std::string_view content, ErrorKind kind,
                           Parents parents) {
  AtomicFile file(target, kind, parents);
  file.write(content.data(), static_cast<int64_t>(content.size()));
  file.commit();
}

void require_writable_target(const fs::path& target, ErrorKind kind) {
  const AtomicFile probe(target, kind);
}

AtomicDirectory::AtomicDirectory(const fs::path& target, bool replace, ErrorKind kind)
    : target_(without_trailing_slash(target)),
      temporary_(temporary_beside(target_)),
      replace_(replace),
      kind_(kind) {
  std::error_code code;
  if (!replace_ && fs::exists(fs::symlink_status(target_, code))) {
    throw Error(kind_, "the folder exists already", target_.string(),
                "choose another name, or delete it first");
  }
  create_parents(target_, kind_);
  fs::remove_all(temporary_, code);
  if (::mkdir(temporary_.c_str(), kNewFolder) != 0) {
    fail(kind_, "cannot create the folder", temporary_);
  }
}

AtomicDirectory::~AtomicDirectory() {
  if (temporary_.empty()) return;
  std::error_code code;
  fs::remove_all(temporary_, code);
}

void AtomicDirectory::commit(Durability durability, const std::function<void()>& before_rename) {
  const bool durable = durability == Durability::kDurable;
  if (durable) sync_tree(temporary_, kind_);
  before_rename();
  std::error_code code;
  fs::path old;
  if (replace_ && fs::exists(fs::symlink_status(target_, code))) {
    old = target_.parent_path() /
          ("." + target_.filename().string() + temporary_suffix(::getpid(), kAside));
    if (::rename(target_.c_str(), old.c_str()) != 0)
      fail(kind_, "cannot move the old folder aside", target_);
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int number = errno;
    if (!old.empty()) ::rename(old.c_str(), target_.c_str());
    errno = number;
    fail(kind_, "cannot rename into place", target_);
  }
  temporary_.clear();
  if (durable) sync_directory(folder_of(target_), kind_);
  if (!old.empty()) fs::remove_all(old, code);
}

std::vector<Temporary> temporaries_in(const fs::path& folder) {
  std::vector<Temporary> found;
  std::error_code code;
  for (auto at = fs::directory_iterator(folder, code); !code && at != fs::directory_iterator();
       at.increment(code)) {
    const std::string name = at->path().filename().string();  // .TARGET.tmp.HOST.PID
    const size_t marker = name.rfind(kMarker);
    const size_t dot = name.rfind('.');
    if (name.front() != '.' || marker == std::string::npos || marker < 1 ||
        dot < marker + kMarker.size())
      continue;
    Temporary temporary{
        .path = at->path(),
        .target = folder / name.substr(1, marker - 1),
        .host = name.substr(marker + kMarker.size(), dot - marker - kMarker.size())};
    temporary.aside = temporary.host.starts_with(kAside);
    if (temporary.aside) temporary.host.erase(0, kAside.size());
    const char* end = name.data() + name.size();
    const auto [rest, problem] = std::from_chars(name.data() + dot + 1, end, temporary.process);
    if (problem == std::errc() && rest == end && temporary.process > 0)
      found.push_back(std::move(temporary));
  }
  return found;
}

std::vector<Temporary> stale_temporaries(const fs::path& folder, TemporaryOwner owner) {
  std::vector<Temporary> stale = temporaries_in(folder);
  if (owner != TemporaryOwner::kNobody)
    std::erase_if(stale, [](const Temporary& temporary) { return !is_of_the_dead(temporary); });
  return stale;
}

std::vector<Temporary> stale_temporaries(const fs::path& folder, fs::file_time_type since) {
  std::vector<Temporary> stale = temporaries_in(folder);
  std::erase_if(stale, [since](const Temporary& temporary) {
    return !is_of_the_dead(temporary) && newest_change(temporary.path) >= since;
  });
  return stale;
}

void remove_temporaries(const std::vector<Temporary>& temporaries) {
  for (const Temporary& temporary : temporaries) {
    std::error_code code;
    if (!went_back(temporary)) fs::remove_all(temporary.path, code);
  }
}

void remove_stale_temporaries(const fs::path& folder, TemporaryOwner owner) {
  remove_temporaries(stale_temporaries(folder, owner));
}

std::set<fs::path> targets_of_temporaries(const fs::path& folder) {
  std::set<fs::path> targets;
  for (const Temporary& temporary : temporaries_in(folder)) targets.insert(temporary.target);
  return targets;
}

void remove_temporaries_of(const fs::path& target) {
  for (const Temporary& temporary : temporaries_in(folder_of(target))) {
    std::error_code code;
    if (temporary.target.filename() == target.filename()) fs::remove_all(temporary.path, code);
  }
}

}  // namespace catamaran
