#include "dataio/pack_staging.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/file_lock.h"
#include "support/hash.h"
#include "support/log.h"
#include "support/parallel_for.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPieceBytes = int64_t{4} << 20;
constexpr int64_t kCopyThreads =
    4;  // more readers of one file system gain little and disturb others
constexpr int64_t kRoomToSpare = int64_t{64} << 20;
constexpr const char* kHint = "give another data.stage, or \"\" to read the pack where it is";

int64_t bytes_of(const PackManifest& manifest) {
  int64_t bytes = 0;
  for (const ShardInfo& shard : manifest.shards) bytes += shard.bytes;
  return bytes;
}

// A folder that cannot be looked at has not grown.
int64_t bytes_under(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code code;
  for (auto at = fs::recursive_directory_iterator(folder, code);
       !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
    if (at->is_regular_file(code)) bytes += static_cast<int64_t>(at->file_size(code));
  }
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

void copy_shard(const fs::path& from, const fs::path& to, const ShardInfo& shard,
                Progress& progress) {
  const FileDescriptor source = open_for_reading(from);
  AtomicFile copy(to);
  std::vector<uint8_t> piece(static_cast<size_t>(std::min(kPieceBytes, shard.bytes)));
  for (int64_t done = 0; done < shard.bytes;) {
    const int64_t part = std::min(kPieceBytes, shard.bytes - done);
    read_exactly_at(source, done, piece.data(), part, from);
    copy.write(piece.data(), part);
    done += part;
    progress.advance(part >> 20);
  }
  copy.commit();
  if (sha256_of_file(to) != shard.sha256) {
    throw DataError("the copy's SHA-256 is not the one in pack.json", from.string(),
                    "`catamaran check` tells whether the pack itself is damaged");
  }
}

void copy_pack(const PackReader& pack, const fs::path& target, const StagingOptions& options) {
  const PackManifest& manifest = pack.manifest();
  require_room(target.parent_path(), bytes_of(manifest));
  AtomicDirectory folder(target);
  Progress progress("staging to " + target.parent_path().string(), bytes_of(manifest) >> 20, "MiB",
                    options.progress);
  parallel_for(std::ssize(manifest.shards), kCopyThreads, [&] {
    return [&](int64_t i) {
      const ShardInfo& shard = manifest.shards[static_cast<size_t>(i)];
      copy_shard(pack.folder() / shard.file, folder.path() / shard.file, shard, progress);
    };
  });
  fs::copy_file(pack.folder() / "pack.json", folder.path() / "pack.json");
  folder.commit();
}

// Sizes, index and labels; the bytes of images are compared with their checksums as they are read.
bool is_whole_copy(const fs::path& target, const PackReader& pack) {
  std::error_code code;
  if (!fs::is_regular_file(target / "pack.json", code)) return false;
  try {
    return PackReader(target).fingerprint() == pack.fingerprint();
  } catch (const DataError&) {
    return false;
  }
}

FileDescriptor open_lock(const fs::path& path) {
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!lock) throw DataError(with_errno("cannot create the file", errno), path.string(), kHint);
  return lock;
}

// Held by the caller afterwards.
FileDescriptor wait_for_lock(const fs::path& path, const StagingOptions& options) {
  FileDescriptor lock = open_lock(path);
  Stopwatch since_growth;
  int64_t bytes = -1;
  bool said = false;
  while (try_lock(lock, path, ErrorKind::kData) == LockState::kHeld) {
    if (!said && options.progress)
      log::info("another process of this node is staging to " + path.parent_path().string() +
                "; waiting for it");
    said = true;
    const int64_t now = bytes_under(path.parent_path());
    if (now != bytes) since_growth = Stopwatch();
    bytes = now;
    if (since_growth.seconds() > options.patience_seconds) {
      throw DataError(text("another process has been staging for %.0f s without a byte more",
                           since_growth.seconds()),
                      path.string(), kHint);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return lock;
}

}  // namespace

fs::path stage_pack(const PackReader& pack, const fs::path& scratch,
                    const StagingOptions& options) {
  std::error_code code;
  fs::create_directories(scratch, code);
  if (code)
    throw DataError(with_errno("cannot create the folder", code.value()), scratch.string(), kHint);
  const fs::path target = fs::absolute(scratch) / ("catamaran-" + pack.fingerprint());
  const FileDescriptor lock = wait_for_lock(
      fs::absolute(scratch) / (".catamaran-" + pack.fingerprint() + ".lock"), options);
  if (is_whole_copy(target, pack)) return target;
  remove_stale_temporaries(target.parent_path());
  fs::remove_all(target, code);  // somebody has deleted or changed a part of it
  copy_pack(pack, target, options);
  return target;
}

}  // namespace catamaran
