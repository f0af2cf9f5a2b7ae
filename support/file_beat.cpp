#include "support/file_beat.h"

#include <pthread.h>
#include <sys/stat.h>

#include <chrono>

namespace catamaran {

FileBeat::FileBeat(const FileDescriptor& file, double seconds)
    : thread_([this, descriptor = file.get(), seconds] { beat(descriptor, seconds); }) {}

FileBeat::~FileBeat() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void FileBeat::beat(int file, double seconds) {
  ::pthread_setname_np(::pthread_self(), "lock-beat");
  std::unique_lock lock(mutex_);
  while (
      !stopping_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return stop_; })) {
    ::futimens(file, nullptr);  // to now
  }
}

}  // namespace catamaran
