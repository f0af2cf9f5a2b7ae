// FileBeat: a sign of life that other hosts can see: the time of change of a file that this process
// has open is renewed every few seconds, for as long as the object lives.
//
//   const FileBeat beat(lock_file, HeartbeatLock::kBeatSeconds);
//
// By a thread of its own. The descriptor is not owned and must stay open meanwhile. One renewal
// that fails is one that others miss. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/file_descriptor.h"

namespace catamaran {

class FileBeat {
 public:
  FileBeat(const FileDescriptor& file, double seconds);
  FileBeat(const FileBeat&) = delete;
  FileBeat& operator=(const FileBeat&) = delete;
  ~FileBeat();

 private:
  void beat(int file, double seconds);

  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace catamaran
