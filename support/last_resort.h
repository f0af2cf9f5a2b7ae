// LastResort: ends this process with a sentence and an exit code when what it watches takes too
// long and nothing else can end it, as a call of a library that blocks.
//
//   { const LastResort bound(600, 5, "rank 1 on host: the ranks did not meet within 600 s; look for
//   ...");
//     MPI_Init(...); }                                     // in time: nothing happens
//
// By _exit, from a thread of its own: no destructor, no flush. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace catamaran {

class LastResort {
 public:
  LastResort(double seconds, int exit_code, const std::string& sentence);
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;
  ~LastResort();

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool in_time_ = false;
  std::thread thread_;
};

}  // namespace catamaran
