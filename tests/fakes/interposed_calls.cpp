#include "interposed_calls.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

namespace catamaran {
namespace {

struct Calls {
  std::mutex mutex;
  std::condition_variable changed;
  std::string stalled_end;  // empty: none
  std::atomic<int64_t> waiting = 0;
  std::atomic<int64_t> fsyncs = 0;
};

// Never destroyed: the C library calls until the process has ended.
Calls& calls() {
  static Calls& all = *new Calls();
  return all;
}

void wait_while_stalled(int file) {
  Calls& all = calls();
  std::unique_lock lock(all.mutex);
  const auto stalls = [&] {
    std::error_code code;
    const auto path =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), code).string();
    return !all.stalled_end.empty() && path.ends_with(all.stalled_end);
  };
  if (all.stalled_end.empty() || !stalls()) return;
  ++all.waiting;
  all.changed.wait(lock, [&] { return !stalls(); });
  --all.waiting;
}

}  // namespace

StalledReads::StalledReads(std::string end_of_path) {
  const std::lock_guard lock(calls().mutex);
  calls().stalled_end = std::move(end_of_path);
}

StalledReads::~StalledReads() {
  const std::lock_guard lock(calls().mutex);
  calls().stalled_end.clear();
  calls().changed.notify_all();
}

int64_t stalled_reads() { return calls().waiting; }
int64_t fsync_calls() { return calls().fsyncs; }

}  // namespace catamaran

extern "C" {

ssize_t pread(int file, void* into, size_t bytes, off_t offset) {
  catamaran::wait_while_stalled(file);
  return ::syscall(SYS_pread64, file, into, bytes, offset);
}

int fsync(int file) {
  ++catamaran::calls().fsyncs;
  return static_cast<int>(::syscall(SYS_fsync, file));
}
}
