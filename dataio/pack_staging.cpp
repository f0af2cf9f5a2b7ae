#include "dataio/pack_staging.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "dataio/pack_copy.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/file_lock.h"
#include "support/hash.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRoomToSpare = int64_t{64} << 20;
constexpr std::string_view kPrefix = "catamaran-";
constexpr const char* kBootFile = ".boot-id";  // in the copy: when it was made
constexpr const char* kHint = "give another data.stage, or \"\" to read the pack where it is";

int64_t bytes_of(const PackManifest& manifest) {
  int64_t bytes = 0;
  for (const ShardInfo& shard : manifest.shards) bytes += shard.bytes;
  return bytes;
}

void require_room(const fs::path& scratch, int64_t bytes) {
  std::error_code code;
  const fs::space_info space = fs::space(scratch, code);
  if (code || static_cast<int64_t>(space.available) >= bytes + kRoomToSpare) return;
  throw DataError(text("the pack has %ld MB, the scratch disk has room for %ld MB", bytes / 1000000,
                       static_cast<int64_t>(space.available) / 1000000),
                  scratch.string(), kHint);
}

// Of this start of the machine; empty where the system does not tell.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

// Shows those who wait for the lock that its holder is at work.
void touch(const FileDescriptor& lock) { ::futimens(lock.get(), nullptr); }

int64_t touched(const FileDescriptor& lock) {
  struct stat status {};
  if (::fstat(lock.get(), &status) != 0) return 0;
  return int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

void copy_pack(const PackReader& pack, const fs::path& target, const FileDescriptor& lock,
               const StagingOptions& options) {
  require_room(target.parent_path(), bytes_of(pack.manifest()));
  AtomicDirectory folder(target);
  try {
    copy_pack_files(pack, folder.path(),
                    {.timeout_seconds = options.timeout_seconds,
                     .progress = options.progress,
                     .stop = options.stop,
                     .moved = [&lock] { touch(lock); }});
  } catch (const CopyStalled&) {
    folder.abandon();
    throw;
  }
  AtomicFile boot(folder.path() / kBootFile);
  const std::string id = host_name() + " " + boot_id();
  boot.write(id.data(), std::ssize(id));
  boot.commit(Durability::kUntilCrash);
  folder.commit(Durability::kUntilCrash);
}

// Of another machine, which shares this disk, nothing is known against it.
bool is_from_before_a_crash(const fs::path& target) {
  std::ifstream file(target / kBootFile);
  std::string host;
  std::string id;
  file >> host >> id;
  return host.empty() || (host == host_name() && id != boot_id());
}

// Sizes, index and labels; the bytes of images are compared with their checksums as they are read.
bool is_whole_copy(const fs::path& target, const PackReader& pack) {
  std::error_code code;
  if (!fs::is_regular_file(target / "pack.json", code) || is_from_before_a_crash(target))
    return false;
  try {
    return PackReader(target).fingerprint() == pack.fingerprint() &&
           xxh3_of_file(target / "pack.json") == xxh3_of_file(pack.folder() / "pack.json");
  } catch (const DataError&) {
    return false;
  }
}

fs::path lock_path(const fs::path& target) {
  return target.parent_path() / ("." + target.filename().string() + ".lock");
}

FileDescriptor open_lock(const fs::path& path) {
  return FileDescriptor(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
}

struct StageLock {
  FileDescriptor file;
  bool holds = true;  // false: the file system has no locks
};

// Held by the caller afterwards.
StageLock wait_for_lock(const fs::path& target, const StagingOptions& options) {
  const fs::path path = lock_path(target);
  const fs::path scratch = path.parent_path();
  FileDescriptor file = open_lock(path);
  if (!file) throw DataError(with_errno("cannot create the file", errno), path.string(), kHint);
  Stopwatch since_life;
  int64_t life = -1;  // when the holder was at work last
  LockState state = LockState::kHeld;
  while ((state = try_lock(file, path, ErrorKind::kData)) == LockState::kHeld) {
    if (options.stop.stop_requested())
      throw DataError("the wait for another process's copy was broken off", path.string(), kHint);
    if (life < 0 && options.progress)
      log::info("another process of this node is staging to " + scratch.string() +
                "; waiting for it");
    const int64_t now = touched(file);
    if (std::exchange(life, now) != now) since_life = Stopwatch();
    if (options.patience_seconds > 0 && since_life.seconds() > options.patience_seconds) {
      throw DataError(text("another process has been staging for %.0f s without a byte more",
                           since_life.seconds()),
                      path.string(), kHint);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return {.file = std::move(file), .holds = state == LockState::kTaken};
}

// What no living process works on: the temporaries of this target, whose lock is held, and those of
// other packs' copies whose lock is free. Processes that do not see each other's numbers see each
// other's locks.
void remove_leftovers(const fs::path& target, const StageLock& lock) {
  if (!lock.holds) {
    remove_stale_temporaries(target.parent_path());
    return;
  }
  remove_temporaries_of(target);
  for (const fs::path& other : targets_of_temporaries(target.parent_path())) {
    if (!other.filename().string().starts_with(kPrefix)) continue;
    const FileDescriptor file = open_lock(lock_path(other));
    if (file && try_lock(file, other, ErrorKind::kData) == LockState::kTaken)
      remove_temporaries_of(other);
  }
}

}  // namespace

fs::path staged_path(const PackReader& pack, const fs::path& scratch) {
  return fs::absolute(scratch) /
         (std::string(kPrefix) + to_hex(xxh3_of_file(pack.folder() / "pack.json")));
}

fs::path stage_pack(const PackReader& pack, const fs::path& scratch,
                    const StagingOptions& options) {
  std::error_code code;
  fs::create_directories(scratch, code);
  if (code)
    throw DataError(with_errno("cannot create the folder", code.value()), scratch.string(), kHint);
  const fs::path target = staged_path(pack, scratch);
  const StageLock lock = wait_for_lock(target, options);
  if (is_whole_copy(target, pack)) return target;
  touch(lock.file);
  remove_leftovers(target, lock);
  fs::remove_all(target, code);  // somebody has deleted or changed a part of it
  copy_pack(pack, target, lock.file, options);
  return target;
}

}  // namespace catamaran
