// OperationRing: the last 64 collectives of a communicator, for the message when one of them never
// ends.
//
//   const int64_t sequence = ring.start("all-reduce", bytes);
//   ring.finish(sequence);
//   ring.describe(sequence)      // "all-reduce of 1048576 bytes, number 17, started 120.0 s ago;
//   16 finished before it"
//
// One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "support/clock.h"

namespace catamaran {

class OperationRing {
 public:
  int64_t start(const char* operation, int64_t bytes) {
    Entry& entry = entries_[static_cast<size_t>(next_ % kEntries)];
    entry = {operation, bytes, Stopwatch()};
    return next_++;
  }
  void finish() { ++finished_; }
  int64_t started() const { return next_; }
  int64_t finished() const { return finished_; }
  double age_seconds(int64_t sequence) const { return at(sequence).since_start.seconds(); }
  std::string describe(int64_t sequence) const {
    const Entry& entry = at(sequence);
    return std::string(entry.operation) + " of " + std::to_string(entry.bytes) + " bytes, number " +
           std::to_string(sequence) + " of this rank (" + std::to_string(finished_) + " finished)";
  }

 private:
  static constexpr int64_t kEntries = 64;
  struct Entry {
    const char* operation = "";
    int64_t bytes = 0;
    Stopwatch since_start;
  };
  const Entry& at(int64_t sequence) const {
    return entries_[static_cast<size_t>(sequence % kEntries)];
  }

  std::array<Entry, kEntries> entries_{};
  int64_t next_ = 0;
  int64_t finished_ = 0;
};

}  // namespace catamaran
