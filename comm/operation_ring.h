// OperationRing: the last 64 collectives of a communicator, for the message when one of them never
// ends.
//
//   const int64_t sequence = ring.start("all-reduce", bytes);
//   ring.finish();               // the oldest unfinished one
//   ring.describe(sequence)      // "all-reduce of 1048576 bytes, number 17 of this rank (16
//                                // finished)"
//   ring.oldest_unfinished()     // the sequence that is waited for: only while some are unfinished
//
// Operations finish in the order in which they were started; describe is for the last 64. One
// thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace catamaran {

class OperationRing {
 public:
  static constexpr int64_t kEntries = 64;

  int64_t start(const char* operation, int64_t bytes) {
    Entry& entry = entries_[static_cast<size_t>(next_ % kEntries)];
    entry = {operation, bytes};
    return next_++;
  }
  void finish() { ++finished_; }
  int64_t started() const { return next_; }
  int64_t finished() const { return finished_; }
  int64_t oldest_unfinished() const { return std::max(finished_, next_ - kEntries); }
  std::string describe(int64_t sequence) const {
    const Entry& entry = at(sequence);
    return std::string(entry.operation) + " of " + std::to_string(entry.bytes) + " bytes, number " +
           std::to_string(sequence) + " of this rank (" + std::to_string(finished_) + " finished)";
  }

 private:
  struct Entry {
    const char* operation = "";
    int64_t bytes = 0;
  };
  const Entry& at(int64_t sequence) const {
    return entries_[static_cast<size_t>(sequence % kEntries)];
  }

  std::array<Entry, kEntries> entries_{};
  int64_t next_ = 0;
  int64_t finished_ = 0;
};

}  // namespace catamaran
