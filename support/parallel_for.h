// parallel_for: indices [0, count) over worker threads, the calling thread among them; what one
// throws ends all, and the first of it is thrown again to the caller.
//
//   parallel_for(images, threads, [&] {
//     return [&, decoder = ImageDecoder()](int64_t i) mutable { ... };     // one per thread
//   });
//
// make_worker is called once on each thread, for what a thread keeps from index to index. Indices
// are handed out in ascending order. Returns when every thread has ended. Errors: those of the
// worker. Thread-safe as far as the worker is.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace catamaran {

// 0: as many as cores.
inline int64_t threads_or_cores(int64_t asked) {
  if (asked > 0) return asked;
  const unsigned cores = std::thread::hardware_concurrency();
  return cores > 0 ? cores : 1;
}

template <typename MakeWorker>
void parallel_for(int64_t count, int64_t threads, const MakeWorker& make_worker) {
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  const auto fail = [&] {
    const std::lock_guard lock(mutex);
    if (error == nullptr) error = std::current_exception();
    next = count;  // the others end after the index at hand
  };
  const auto work = [&] {
    try {
      auto worker = make_worker();
      for (int64_t i = next++; i < count; i = next++) worker(i);
    } catch (...) {
      fail();
    }
  };
  {
    std::vector<std::jthread> others;  // joined at the end of this block
    try {
      for (int64_t t = 1; t < threads && t < count; ++t) others.emplace_back(work);
    } catch (...) {  // no thread to be had
      fail();
    }
    work();
  }
  if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace catamaran
