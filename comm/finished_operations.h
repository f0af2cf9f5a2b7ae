// FinishedOperations: which all-reduces a communicator has finished, and when, for whoever asks how
// much of the exchange was hidden behind other work.
//
//   finished_.add({bytes, start_seconds, steady_seconds()});
//   for (const FinishedOperation& operation : finished_.take()) ...     // oldest first
//
// Keeps the newest kMost where nobody takes them. Adding allocates nothing once the memory is
// there. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/clock.h"

namespace catamaran {

// An all-reduce: when this rank started it, and when this rank saw that it was complete.
struct FinishedOperation {
  int64_t bytes = 0;
  double start_seconds = 0;  // steady_seconds()
  double end_seconds = 0;
};

class FinishedOperations {
 public:
  static constexpr size_t kMost = 4096;

  void add(const FinishedOperation& operation) {
    if (ring_.size() < kMost) {
      ring_.push_back(operation);
    } else {
      ring_[oldest_] = operation;
      oldest_ = (oldest_ + 1) % kMost;
    }
  }
  std::vector<FinishedOperation> take() {
    std::vector<FinishedOperation> taken;
    taken.reserve(ring_.size());
    for (size_t i = 0; i < ring_.size(); ++i) taken.push_back(ring_[(oldest_ + i) % ring_.size()]);
    ring_.clear();
    oldest_ = 0;
    return taken;
  }

 private:
  std::vector<FinishedOperation> ring_;
  size_t oldest_ = 0;  // above 0 only where the ring is full
};

}  // namespace catamaran
