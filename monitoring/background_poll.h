// BackgroundPoll: asks what may not answer (a driver, storage over a network), at once and then
// again and again, in a thread of its own.
//
//   BackgroundPoll poll("free-space", 15s, [metrics, folder] { metrics->set_free_bytes(...); });
//
// Destroyed, it waits a second for a question that is under way; one that does not return is left
// alone: its thread ends when it does, or with the process. So `ask` owns, or has a share of, all
// that it touches. What it throws is an answer that was not had. The name, of at most 15 letters,
// is the thread's. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace catamaran {

class BackgroundPoll {
 public:
  BackgroundPoll(const char* name, std::chrono::duration<double> interval,
                 std::function<void()> ask);
  BackgroundPoll(const BackgroundPoll&) = delete;
  BackgroundPoll& operator=(const BackgroundPoll&) = delete;
  ~BackgroundPoll();

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;  // the thread has a share
  std::thread thread_;
};

}  // namespace catamaran
