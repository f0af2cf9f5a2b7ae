// OperationRing: the last 64 collectives of a communicator, for the message when one of them never
// ends.
//
//   const int64_t sequence = ring.start("all-reduce", bytes);
//   ring.finish();               // the oldest unfinished one
//   ring.describe(sequence)      // "all-reduce of 1048576 bytes, number 17 of this rank (16
//                                // finished)"
//   ring.oldest_unfinished()     // the sequence that is waited for: only while some are unfinished
//
//   ring.state()                 // what is under way, from any thread
//
// Operations finish in the order in which they were started; describe is for the last 64. One
// thread at a time starts and finishes them; the rest is thread-safe, and may be a little behind.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "comm/collective_state.h"

namespace catamaran {

class OperationRing {
 public:
  static constexpr int64_t kEntries = 64;

  int64_t start(const char* operation, int64_t bytes) {
    const int64_t sequence = started();
    Entry& entry = entries_[static_cast<size_t>(sequence % kEntries)];
    entry.operation.store(operation, std::memory_order_relaxed);
    entry.bytes.store(bytes, std::memory_order_relaxed);
    next_.store(sequence + 1, std::memory_order_release);
    return sequence;
  }
  void finish() { finished_.fetch_add(1, std::memory_order_release); }
  int64_t started() const { return next_.load(std::memory_order_acquire); }
  int64_t finished() const { return finished_.load(std::memory_order_acquire); }
  int64_t oldest_unfinished() const { return std::max(finished(), started() - kEntries); }
  std::string describe(int64_t sequence) const {
    const Entry& entry = entries_[static_cast<size_t>(sequence % kEntries)];
    return std::string(entry.operation.load(std::memory_order_relaxed)) + " of " +
           std::to_string(entry.bytes.load(std::memory_order_relaxed)) + " bytes, number " +
           std::to_string(sequence) + " of this rank (" + std::to_string(finished()) + " finished)";
  }
  CollectiveState state() const {
    CollectiveState now{.started = started(), .finished = finished(), .oldest = ""};
    if (now.finished < now.started) now.oldest = describe(oldest_unfinished());
    return now;
  }

 private:
  struct Entry {
    std::atomic<const char*> operation = "";
    std::atomic<int64_t> bytes = 0;
  };

  std::array<Entry, kEntries> entries_{};
  std::atomic<int64_t> next_ = 0;
  std::atomic<int64_t> finished_ = 0;
};

}  // namespace catamaran
