// LastResort: ends this process with a sentence and an exit code when what it watches takes too
// long and nothing else can end it, as a call of a library that blocks.
//
//   { const LastResort bound(600, 5, "rank 1 on host: the ranks did not meet within 600 s; look for
//   ...");
//     MPI_Init(...); }                                     // in time: nothing happens
//   const LastResort bound(60, [&] { return print(what_is_known()); });  // words of one's own
//
// By _exit, from a thread of its own: no destructor, no flush. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace catamaran {

class LastResort {
 public:
  LastResort(double seconds, int exit_code, const std::string& sentence);
  // last_words runs on the other thread, just before the end, and returns the exit code.
  LastResort(double seconds, std::function<int()> last_words);
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
