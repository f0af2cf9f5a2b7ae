#include "dataio/pack_copy.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/hash.h"
#include "support/host_name.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPieceBytes = int64_t{4} << 20;
constexpr int64_t kMostThreads =
    4;  // more readers of one file system gain little and disturb others
constexpr std::chrono::milliseconds kBetweenLooks(50);
constexpr double kLongestLook = 1;         // seconds that count
constexpr std::chrono::seconds kGrace(2);  // of threads that have been told to stop

// What the threads share with the one who waits for them. They own it, too: one of them may be left
// alone in a read that stalls.
struct Copying {
  Copying(PackReader the_pack, fs::path folder) : pack(std::move(the_pack)), to(std::move(folder)) {
    for (const ShardInfo& shard : pack.manifest().shards) files.push_back(shard.file);
    files.emplace_back("pack.json");
  }

  const PackReader pack;
  const fs::path to;
  std::vector<std::string> files;  // the shards in their order, pack.json
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> moved_bytes = 0;   // read or hashed: a sign of life
  std::atomic<int64_t> copied_bytes = 0;  // of shards
  std::atomic<bool> stop = false;

  std::mutex mutex;  // of the rest
  std::condition_variable changed;
  int64_t running = 0;
  std::vector<size_t> at;  // the files that are being copied
  std::exception_ptr error;
};

// Thrown to end a thread that has been told to stop; nobody sees it.
struct Stopped {};

void moved(Copying& copying, int64_t bytes) {
  copying.moved_bytes += bytes;
  if (copying.stop) throw Stopped();
}

void copy_file(Copying& copying, const std::string& name, int64_t bytes) {
  const fs::path from = copying.pack.folder() / name;
  const FileDescriptor source = open_for_reading(from);
  moved(copying, 0);
  AtomicFile copy(copying.to / name);
  const int64_t total = bytes >= 0 ? bytes : file_bytes(source, from);
  std::vector<uint8_t> piece(static_cast<size_t>(std::min(kPieceBytes, total)));
  for (int64_t done = 0; done < total;) {
    const int64_t part = std::min(kPieceBytes, total - done);
    read_exactly_at(source, done, piece.data(), part, from);
    moved(copying, part);
    copy.write(piece.data(), part);
    done += part;
    if (bytes >= 0) copying.copied_bytes += part;
  }
  copy.commit(Durability::kUntilCrash);
}

void copy_and_compare(Copying& copying, size_t file) {
  const std::vector<ShardInfo>& shards = copying.pack.manifest().shards;
  if (file == shards.size()) {
    copy_file(copying, copying.files[file], -1);
    return;
  }
  const ShardInfo& shard = shards[file];
  copy_file(copying, shard.file, shard.bytes);
  const auto alive = [&](int64_t bytes) { moved(copying, bytes); };
  if (sha256_of_file(copying.to / shard.file, alive) == shard.sha256) return;
  throw DataError("the copy's SHA-256 is not the one in pack.json",
                  (copying.pack.folder() / shard.file).string(),
                  "`catamaran check` tells whether the pack itself is damaged");
}

void copy_files(Copying& copying) {
  for (size_t file = copying.next++; file < copying.files.size() && !copying.stop;
       file = copying.next++) {
    {
      const std::lock_guard lock(copying.mutex);
      copying.at.push_back(file);
    }
    copy_and_compare(copying, file);
    const std::lock_guard lock(copying.mutex);
    std::erase(copying.at, file);
  }
}

void run_thread(Copying& copying) {
  std::exception_ptr error;
  try {
    copy_files(copying);
  } catch (const Stopped&) {
  } catch (...) {
    error = std::current_exception();
    copying.stop = true;
  }
  const std::lock_guard lock(copying.mutex);
  if (copying.error == nullptr) copying.error = error;
  --copying.running;
  copying.changed.notify_all();
}

void start_threads(const std::shared_ptr<Copying>& copying) {
  const int64_t count = std::min<int64_t>(kMostThreads, std::ssize(copying->files));
  for (int64_t thread = 0; thread < count; ++thread) {
    const std::lock_guard lock(copying->mutex);
    std::thread([copying] { run_thread(*copying); }).detach();
    ++copying->running;
  }
}

// However the wait ends: no thread begins another piece, and those that can end have ended.
class EndOfCopying {
 public:
  explicit EndOfCopying(Copying& copying) : copying_(copying) {}
  EndOfCopying(const EndOfCopying&) = delete;
  EndOfCopying& operator=(const EndOfCopying&) = delete;
  ~EndOfCopying() {
    copying_.stop = true;
    std::unique_lock lock(copying_.mutex);
    copying_.changed.wait_for(lock, kGrace, [this] { return copying_.running == 0; });
  }

 private:
  Copying& copying_;
};

// With the mutex held.
CopyStalled stalled(const Copying& copying, double seconds) {
  std::string files;
  for (const size_t file : copying.at) files += (files.empty() ? "" : ", ") + copying.files[file];
  return {
      text("host %s has been copying %s to %s for %.1f s without a byte more", host_name().c_str(),
           files.c_str(), copying.to.parent_path().c_str(), seconds),
      copying.pack.folder().string(),
      "see whether the storage of the pack and the scratch disk of that host answer, then start "
      "again; data.timeout_seconds is how long a read may take"};
}

void await(Copying& copying, const PackCopyOptions& options, Progress& progress) {
  Stopwatch since_look;
  double still = 0;  // seconds without a byte more; a job may be suspended between two looks
  int64_t seen = 0;
  std::unique_lock lock(copying.mutex);
  const auto ended = [&] { return copying.running == 0 || copying.error != nullptr; };
  while (!copying.changed.wait_for(lock, kBetweenLooks, ended)) {
    if (options.stop.stop_requested())
      throw DataError("the copy was broken off", copying.to.string(), "start again");
    const int64_t now = copying.moved_bytes;
    still += std::min(since_look.lap(), kLongestLook);
    if (std::exchange(seen, now) != now) {
      still = 0;
      if (options.moved) options.moved();
    }
    progress.set(copying.copied_bytes >> 20);
    if (options.timeout_seconds > 0 && still > options.timeout_seconds)
      throw stalled(copying, still);
  }
  if (copying.error != nullptr) std::rethrow_exception(copying.error);
  progress.set(copying.copied_bytes >> 20);
}

}  // namespace

void copy_pack_files(const PackReader& pack, const fs::path& folder,
                     const PackCopyOptions& options) {
  int64_t bytes = 0;
  for (const ShardInfo& shard : pack.manifest().shards) bytes += shard.bytes;
  Progress progress("staging to " + folder.parent_path().string(), bytes >> 20, "MiB",
                    options.progress);
  const auto copying = std::make_shared<Copying>(pack, folder);
  const EndOfCopying end(*copying);
  start_threads(copying);
  await(*copying, options, progress);
}

}  // namespace catamaran
